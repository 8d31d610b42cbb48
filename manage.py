#!/usr/bin/env python
"""Django's command line for Juggernaut: `python manage.py help` lists the commands."""

import sys

from juggernaut import environment


def main() -> None:
    environment.prepare()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
