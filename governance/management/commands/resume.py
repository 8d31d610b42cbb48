"""`manage.py resume WORKER …` or `--fleet`: let them take tasks again."""

from governance.management.pause_command import PauseCommand
from governance.workers import services as worker_services


class Command(PauseCommand):
    help = "Let workers, or the whole fleet, take tasks again, at once."
    workers = staticmethod(worker_services.resume)
    fleet = staticmethod(worker_services.resume_fleet)
    done = "resumed"
    needs_reason = False
