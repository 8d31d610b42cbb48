"""The page of tasks, with what reliability adds to it: moving a task to the dead letters."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from governance.models import Task
from juggernaut.console.pages.dead_letters import dead_letter_actions
from juggernaut.console.pages.tasks.tasks import TaskAdmin

admin.site.unregister(Task)


@admin.register(Task)
class TaskWithDeadLettersAdmin(TaskAdmin):
    needs = {"move": "governance.move_deadletter"}
    offered = (*TaskAdmin.offered, dead_letter_actions.MOVE)
    actions = (*TaskAdmin.actions, "move_chosen")
    actions_detail = (*TaskAdmin.actions_detail, "move_this")

    @admin.action(description="Move to the dead letters", permissions=["move"])
    def move_chosen(self, request: HttpRequest, queryset: "QuerySet[Task]") -> HttpResponse | None:
        return self.many(request, queryset, dead_letter_actions.MOVE)

    @action(
        description="Move to the dead letters", permissions=["move"],
        url_path="move", icon="move_to_inbox",
    )  # fmt: skip
    def move_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.one(request, object_id, dead_letter_actions.MOVE)
