"""`manage.py retry_task`: start failed and cancelled tasks again."""

from governance.management.verb_command import VerbCommand
from governance.models import Task
from governance.tasks import services as tasks


class Command(VerbCommand):
    help = "Give failed and cancelled tasks fresh attempts. They keep their ids and their history."
    verb = staticmethod(tasks.retry)
    done = "started again"
    movable = (Task.Status.FAILED, Task.Status.CANCELLED)
    needs_reason = False
