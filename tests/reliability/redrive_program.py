"""A program that advances redrives as the watchdog does, faster: a second of pace at every step.

python -m tests.reliability.redrive_program
"""

import os
from datetime import timedelta

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "juggernaut.settings")
    django.setup()
    from django.utils import timezone

    from reliability import redrives

    now = timezone.now()
    while True:
        now += timedelta(seconds=1)
        redrives.advance(now)


if __name__ == "__main__":
    main()
