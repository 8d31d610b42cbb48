#!/usr/bin/env python
"""Django's command line for Juggernaut: `python manage.py help` lists the commands."""

import sys

from juggernaut import environment
from juggernaut.processes import streams


def main() -> None:
    environment.prepare()
    environment.require_settings()
    streams.show_control_characters()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
