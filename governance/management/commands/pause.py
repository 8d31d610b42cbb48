"""`manage.py pause WORKER …` or `--fleet`: give them nothing new."""

from governance import worker_control
from governance.management.turn_command import TurnCommand


class Command(TurnCommand):
    help = (
        "Give workers, or the whole fleet, nothing new. What runs goes on until its next call and waits"
        " there. Needs a reason."
    )
    workers = staticmethod(worker_control.pause)
    fleet = staticmethod(worker_control.pause_fleet)
    done = "paused"
