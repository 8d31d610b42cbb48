"""`manage.py pause WORKER …` or `--fleet`: give them nothing new."""

from governance.management.pause_command import PauseCommand
from governance.workers import services as worker_services


class Command(PauseCommand):
    help = (
        "Give workers, or the whole fleet, nothing new. What runs goes on until its next call and waits"
        " there. Needs a reason."
    )
    workers = staticmethod(worker_services.pause)
    fleet = staticmethod(worker_services.pause_fleet)
    done = "paused"
