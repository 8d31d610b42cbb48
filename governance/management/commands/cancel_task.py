"""`manage.py cancel_task`: end live tasks as `cancelled`."""

from governance.management.verb_command import VerbCommand
from governance.models.task import LIVE
from governance.tasks import services as tasks


class Command(VerbCommand):
    help = "End tasks as cancelled. A worker that runs one stops at its next step. Needs a reason."
    verb = staticmethod(tasks.cancel)
    done = "cancelled"
    movable = LIVE
