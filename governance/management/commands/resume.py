"""`manage.py resume WORKER …` or `--fleet`: let them take tasks again."""

from governance import worker_control
from governance.management.turn_command import TurnCommand


class Command(TurnCommand):
    help = "Let workers, or the whole fleet, take tasks again, at once."
    workers = staticmethod(worker_control.resume)
    fleet = staticmethod(worker_control.resume_fleet)
    done = "resumed"
    needs_reason = False
