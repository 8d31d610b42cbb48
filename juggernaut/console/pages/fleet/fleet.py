"""The fleet in the console: one row, and the big red button."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from governance.access.actors import Actor
from governance.models import Fleet
from governance.workers import services as worker_services
from governance.workers.services import PauseResult
from juggernaut.console import formatting
from juggernaut.console.actions import bulk
from juggernaut.console.lists.read_only import ReadOnlyAdmin


def _pause(names: Sequence[str], *, actor: Actor, reason: str) -> PauseResult:
    return _turned("paused", is_turned=worker_services.pause_fleet(actor=actor, reason=reason))


def _resume(names: Sequence[str], *, actor: Actor, reason: str) -> PauseResult:
    return _turned("active", is_turned=worker_services.resume_fleet(actor=actor, reason=reason))


def _turned(status: str, *, is_turned: bool) -> PauseResult:
    state = {"FLEET": status}
    return PauseResult(state, {}) if is_turned else PauseResult({}, state)


PAUSE = bulk.BulkAction(
    "pause",
    "Paused",
    _pause,
    (Fleet.Status.ACTIVE,),
    "While the fleet is paused, no worker is given anything new. What runs goes on until its next call of a "
    "tool or a model, and waits there. Nothing is lost and no attempt is used.",
    is_destructive=True,
    noun="fleet",
    known_by=("reason", "name"),
)
RESUME = bulk.BulkAction(
    "resume",
    "Resumed",
    _resume,
    (Fleet.Status.PAUSED,),
    "All workers take their tasks again, at once. Workers that are paused by themselves stay paused.",
    is_destructive=False,
    noun="fleet",
    known_by=("reason", "name"),
)


@admin.register(Fleet)
class FleetAdmin(ReadOnlyAdmin):
    list_display = ("name", "state", "paused_by", "reason", "since")
    list_filter = ()
    ordering = ("pk",)
    nothing_exists = (
        "The row of the fleet is missing, so nothing runs: INSERT INTO fleet (name) VALUES ('FLEET')"
    )
    readonly_fields = ("state", "paused_by", "reason", "since")
    fieldsets = ((None, {"fields": (("state", "since"), ("paused_by", "reason"))}),)
    actions_detail = ("pause_this", "resume_this")

    def has_turn_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(worker_services.FLEET_PERMISSION)

    @action(
        description="Pause the fleet", permissions=["turn"], url_path="pause",
        icon="pause_circle", variant=ActionVariant.DANGER,
    )  # fmt: skip
    def pause_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._one(request, object_id, PAUSE)

    @action(
        description="Resume the fleet", permissions=["turn"], url_path="resume",
        icon="play_circle", variant=ActionVariant.PRIMARY,
    )  # fmt: skip
    def resume_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._one(request, object_id, RESUME)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The button that would change something."""
        useful = "resume" if worker_services.fleet().status == Fleet.Status.PAUSED else "pause"
        return [button for button in super().get_actions_detail(request, object_id) if button.path == useful]

    def _one(self, request: HttpRequest, object_id: str, verb: bulk.BulkAction) -> HttpResponse:
        chosen = Fleet.objects.filter(pk=object_id)
        if not chosen:
            raise Http404(f"no fleet has the name {object_id}")
        page = reverse("admin:governance_fleet_change", args=[object_id])
        return bulk.confirm_or_run(self, request, chosen, verb, back=page) or HttpResponseRedirect(page)

    @display(description="Status")
    def state(self, fleet: Fleet) -> SafeString:
        return formatting.badge(fleet.status)

    @display(description="Since")
    def since(self, fleet: Fleet) -> SafeString | str:
        return formatting.exact_moment(fleet.paused_at)
