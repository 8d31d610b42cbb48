"""Commands ask for what the table says they mirror, if somebody asks in the name of a role."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from governance.access import actors, roles
from governance.management.command import GovernanceCommand
from juggernaut.access import requirements
from juggernaut.access.commands import COMMANDS
from juggernaut.access.requirements import ROLES, SHELL
from monitoring.models import Alert
from tests.governance import recurring, samples
from tests.ids import NOBODYS_ID
from tests.reliability import letters

pytestmark = pytest.mark.django_db
WHY = ("--reason", "why")
TASK = '{"task_type": "evaluation", "payload": {"eval_type": "metric", "metric_value": 1}}'
# How each is called, so that it gets as far as to ask.
CALLED: dict[str, tuple[str, ...]] = {
    "ack_alert": ("ALERT", *WHY),
    "approve": (NOBODYS_ID,),
    "audit": (),
    "breaker_status": (),
    "cancel_task": ("TASK", *WHY),
    "correct_cost": (NOBODYS_ID, "1", *WHY),
    "costs": (),
    "create_token": ("new",),
    "grant": ("EXECUTOR", "http.get"),
    "list_alerts": (),
    "list_dlq": (),
    "list_recurring": (),
    "list_tasks": (),
    "list_tokens": (),
    "move_to_dlq": ("TASK", *WHY),
    "mute_alert": ("ALERT", "--minutes", "5", *WHY),
    "pause": ("ANALYST", *WHY),
    "pause --fleet": ("--fleet", *WHY),
    "pause_recurring": ("RECURRING",),
    "permissions": (),
    "prune": ("--dry-run",),
    "redrive list": ("list",),
    "redrive start": ("start", "--matching", "x", *WHY),
    "redrive pause": ("pause", NOBODYS_ID),
    "rehash_dead_letters": (),
    "remove_recurring": ("RECURRING", *WHY),
    "reset_breaker": ("--all",),
    "resolve_dlq": ("LETTER", "--note", "done"),
    "resume": ("ANALYST",),
    "resume --fleet": ("--fleet",),
    "resume_recurring": ("RECURRING",),
    "retry_dlq": ("LETTER",),
    "retry_task": ("TASK",),
    "revoke": ("EXECUTOR", "http.request"),
    "revoke_token": (NOBODYS_ID, *WHY),
    "set_alert_rule": ("breaker_open", "--threshold", "9", *WHY),
    "set_breaker": ("openrouter", "--failure-threshold", "3"),
    "set_budget": ("ANALYST", "--daily", "5"),
    "set_retention": ("sweeps", "2", *WHY),
    "set_price": ("local", "lab/m", "--input", "1", "--output", "1"),
    "set_rate_limit": ("http.get", "5"),
    "set_recurring": ("nightly", "--every", "60", "--task", TASK),
    "set_worker": ("ANALYST", "5", *WHY),
    "show_task": ("TASK",),
    "submit_task": ("evaluation", '{"eval_type": "metric", "metric_value": 1}'),
    "terminate_task": ("TASK", *WHY),
    "tool_executions": (),
    "unmute_alert": ("ALERT",),
    "why": ("TASK",),
    "triage_dlq": ("GROUP", "known", "--note", "seen"),
}
# What the words in capitals stand for: a row that is there.
ROWS: dict[str, Callable[[], object]] = {
    "ALERT": lambda: Alert.objects.create(rule_id="breaker_open", subject="x").pk,
    "TASK": samples.submit,
    "RECURRING": lambda: recurring.make().pk,
    "LETTER": lambda: letters.dead().pk,
    "GROUP": lambda: letters.dead().signature_id,
}
MIRRORING = sorted(name for name, needs in COMMANDS.items() if needs != (SHELL,))


def test_every_command_that_mirrors_a_permission_is_called_here():
    assert sorted(CALLED) == MIRRORING, "add to CALLED how the command is called"


@pytest.mark.parametrize("who", ROLES)
@pytest.mark.parametrize("name", MIRRORING)
def test_a_command_asks_for_the_permission_that_it_mirrors(name: str, who: str, monkeypatch, capsys):
    monkeypatch.setattr(GovernanceCommand, "actor", somebody(who))
    arguments = [str(ROWS[word]()) if word in ROWS else word for word in CALLED[name]]

    said = error_of(name.split()[0], *arguments)

    is_refused = any(f"it needs the permission {permission}" in said for permission in COMMANDS[name])
    assert is_refused != requirements.may(who, COMMANDS[name]), said


def somebody(who: str) -> actors.Actor:
    user = User.objects.create_user(who)
    roles.assign(user, who)
    return actors.from_user(user)


def error_of(name: str, *arguments: str) -> str:
    """What the command ends with; an error of another kind than a refusal comes after the question."""
    try:
        call_command(name, *arguments)
    except CommandError as error:
        return str(error)
    return ""
