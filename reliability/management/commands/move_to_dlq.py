"""`manage.py move_to_dlq`: end live tasks as `failed`, with a dead letter each."""

from governance.management.verb_command import VerbCommand
from governance.models.task import LIVE
from reliability.dead_letters import services as dead_letters


class Command(VerbCommand):
    help = "Give live tasks up, for a person to look at. A worker that runs one stops at its next step."
    verb = staticmethod(dead_letters.move)
    done = "moved to the dead letters"
    movable = LIVE
