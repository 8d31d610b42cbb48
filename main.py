#!/usr/bin/env python
"""Juggernaut on this machine: `python main.py`; `python main.py --help` says what may be chosen."""

import sys

from juggernaut import environment


def main() -> int:
    environment.prepare()
    from juggernaut.supervisor import command

    return command.run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
