"""`manage.py terminate_task`: end live tasks as `failed`."""

from governance.management.verb_command import VerbCommand
from governance.models.task import LIVE
from governance.tasks import services as tasks


class Command(VerbCommand):
    help = "End tasks as failed, with the reason as error. A worker that runs one stops at its next step."
    verb = staticmethod(tasks.terminate)
    done = "terminated"
    movable = LIVE
