"""Dead letters move to new groups when the rules of grouping change."""

import io
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection

from governance.access.actors import Actor
from governance.errors import Forbidden
from governance.models import DeadLetter, FailureHour, FailureSignature
from reliability.dead_letters import regrouping
from reliability.dead_letters import services as dead_letters
from tests.governance import samples
from tests.reliability import letters

pytestmark = pytest.mark.django_db


def change_rules() -> None:
    """Version 2, for this test: an error groups by its first word."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION failure_rules_version() RETURNS int LANGUAGE sql IMMUTABLE"
            " AS 'SELECT 2';"
            "CREATE OR REPLACE FUNCTION failure_reason(error text) RETURNS text LANGUAGE sql IMMUTABLE"
            " AS $$ SELECT split_part(error, ' ', 1) $$"
        )


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rehash_dead_letters", *arguments, stdout=out)
    return out.getvalue().strip()


def test_letters_move_to_the_groups_of_the_current_rules(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(regrouping, "BATCH", 2)
    made = [letters.dead(f"connection {how}", cost_usd="0.5") for how in ("reset", "refused", "lost")]
    dead_letters.resolve([made[0].pk], actor=samples.SYSTEM, note="known")
    change_rules()

    assert run("--dry-run") == "would be moved: 3"
    assert run() == "moved: 3"

    group = FailureSignature.objects.get()
    assert (group.failure_reason, group.rules_version) == ("connection", 2)
    assert (group.pending, group.resolved, group.failures, group.cost_usd) == (2, 1, 3, Decimal("1.5"))
    assert {letter.signature_id for letter in DeadLetter.objects.all()} == {group.pk}
    assert [hour.failures for hour in FailureHour.objects.all()] == [3]
    assert run("--json") == '{"dry_run":false,"outdated":0,"moved":0}'


def test_a_new_group_inherits_what_was_found_out_about_an_old_one():
    letter = letters.dead("connection reset")
    FailureSignature.objects.filter(pk=letter.signature_id).update(
        triage="known", note="it restarts at night", triaged_by="user:ann", triaged_at=letter.failed_at
    )
    change_rules()

    run()

    group = FailureSignature.objects.get()
    assert (group.triage, group.note, group.triaged_by) == (
        "known",
        "it restarts at night",
        "user:ann",
    )


def test_nobody_rehashes_without_permission():
    with pytest.raises(Forbidden):
        next(regrouping.regroup(actor=Actor("user:eve")))
