"""`list_dlq`, `retry_dlq`, `resolve_dlq`, `move_to_dlq` and `redrive` at the prompt."""

import pytest
from django.core.management import CommandError

from governance.models import DeadLetter, TaskEvent
from reliability.dead_letters import services as dead_letters
from reliability.management import redrive_command
from reliability.models import Redrive
from tests.governance import lives, samples
from tests.ids import NOBODYS_ID
from tests.reliability import letters
from tests.reliability.commands import run, run_json

pytestmark = pytest.mark.django_db


def status_of(letter: DeadLetter) -> str:
    return DeadLetter.objects.get(pk=letter.pk).status


# ------------------------------------------------------------------------------------------- listing


def test_letters_are_listed_newest_first():
    old, new = letters.dead("connection reset by peer 7"), letters.dead("bad request")

    lines = run("list_dlq").splitlines()

    assert [line.split()[0] for line in lines] == [str(new.pk), str(old.pk)]
    assert "pending" in lines[1]
    assert lines[1].endswith("noop: connection reset by peer <n>")


def test_a_list_is_as_long_as_asked_for_however_long_a_page_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("governance.management.list_command.MAX_LIMIT", 2)
    made = [str(letters.dead("connection reset").pk) for _ in range(7)]

    assert [row["id"] for row in run_json("list_dlq")] == made[::-1]
    assert len(run_json("list_dlq", "--limit", 5)) == 5


@pytest.mark.parametrize(("stored", "printed"), [("0", "0"), ("0.000000250", "0.00000025"), ("120", "120")])
def test_money_in_json_is_plain_digits(stored: str, printed: str):
    letters.dead(cost_usd=stored)

    assert run_json("list_dlq")[0]["cost_usd"] == printed


def test_a_list_is_filtered_and_says_when_nothing_matches():
    letters.dead("connection reset")

    assert len(run_json("list_dlq", "--matching", "connection", "--status", "pending")) == 1
    assert run("list_dlq", "--matching", "bad request") == "none"


def test_groups_are_listed():
    letter = letters.dead("connection reset by peer 7")

    printed = run("list_dlq", "--groups")

    assert printed.startswith(str(letter.signature_id))
    assert "1 pending, 0 retrying, 0 resolved" in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--status", "lost"], "status: "),
        (["--group", "x"], "signature: "),
        (["--limit", "0"], "--limit"),
        (["--created-after", "now"], "created_after: "),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(arguments: list[str], said: str):
    with pytest.raises(CommandError, match=said):
        run("list_dlq", *arguments)


# ------------------------------------------------------------------------------------------ retrying


def test_named_letters_are_retried_at_once():
    one, other = letters.dead(), letters.dead()

    printed = run("retry_dlq", one.pk, other.pk, "--reason", "fixed")

    assert printed == "retried: 2; skipped: 0"
    assert (status_of(one), status_of(other)) == ("retrying", "retrying")
    last = TaskEvent.objects.filter(task_id=one.task_id).order_by("seq").last()
    assert (last.reason, last.actor.partition(":")[0]) == ("fixed", "command")
    assert not Redrive.objects.exists()


def test_a_retry_that_is_too_late_says_the_state_found_and_retries_the_others():
    done, left = letters.dead(), letters.dead()
    dead_letters.resolve([done.pk], actor=samples.SYSTEM, note="known")

    with pytest.raises(CommandError, match=f"cannot retry dead letter {done.pk}: it is resolved"):
        run("retry_dlq", done.pk, left.pk)

    assert status_of(left) == "retrying"


@pytest.mark.parametrize(
    ("name", "said"),
    [("dlq-id", "'dlq-id' is not the id of a dead letter"), (NOBODYS_ID, "no dead letter has the id")],
)
@pytest.mark.parametrize("command", [["retry_dlq"], ["resolve_dlq", "--note", "known"]])
def test_one_wrong_id_among_many_changes_nothing(command: list[str], name: str, said: str):
    letter = letters.dead()

    with pytest.raises(CommandError, match=said):
        run(*command, letter.pk, name)

    assert status_of(letter) == "pending"


def test_all_that_match_are_retried_by_a_redrive_that_is_followed_to_its_end(worked_off: list[str]):
    mine = [letters.dead("connection reset") for _ in range(8)]
    other = letters.dead("bad request")

    printed = run("retry_dlq", "--matching", "connection reset", "--pace", 100)

    redrive = Redrive.objects.get()
    assert printed == (
        f"redrive {redrive.pk} is completed: 8 succeeded, 0 failed, 0 handed over, 0 waiting, 0 skipped"
    )
    assert redrive.reason == 'retry_dlq: matching "connection reset"'
    assert {status_of(letter) for letter in mine} == {"resolved"}
    assert status_of(other) == "pending"


def test_a_group_is_retried(worked_off: list[str]):
    mine, other = letters.dead("connection reset"), letters.dead("bad request")

    told = run_json("retry_dlq", "--group", mine.signature_id)

    assert (told["state"], told["succeeded"]) == ("completed", 1)
    assert status_of(other) == "pending"


def test_a_redrive_that_stops_itself_ends_with_the_gate(worked_off: list[str]):
    for _ in range(8):
        letters.dead("connection reset")
    worked_off.append("connection reset")

    with pytest.raises(
        CommandError, match=r"is stopped by canary: the canary failed: 1 of the first 1"
    ) as end:
        run("retry_dlq", "--matching", "connection reset")

    assert end.value.returncode == 1
    assert DeadLetter.objects.filter(status="pending").count() == 8


def test_who_looks_away_does_not_end_it(monkeypatch: pytest.MonkeyPatch):
    for _ in range(3):
        letters.dead("connection reset")

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(redrive_command, "sleep", interrupt)

    with pytest.raises(CommandError, match=r"it goes on by itself: `manage[.]py redrive follow"):
        run("retry_dlq", "--matching", "connection reset")

    assert Redrive.objects.get().state == "running"


def test_a_redrive_may_be_left_to_itself():
    for _ in range(3):
        letters.dead("connection reset")

    told = run_json(
        "retry_dlq", "--matching", "connection reset", "--detach", "--reason", "the proxy is back"
    )

    assert (told["state"], told["handed_over"], told["waiting"]) == ("running", 1, 2)
    assert told["reason"] == "the proxy is back"


@pytest.mark.parametrize("command", [["retry_dlq", "--dry-run"], ["redrive", "preview"]])
def test_a_forecast_retries_nothing(command: list[str]):
    for _ in range(8):
        letters.dead("connection reset")

    printed = run(*command, "--matching", "connection reset", "--pace", 2)

    assert printed.splitlines() == [
        "would be retried: 8",
        "tried first: 1, then 5, then 8; at this pace it takes 4 s or more",
        "price: unknown: no earlier attempt has a recorded cost",
        "     8  connection reset",
    ]
    assert not Redrive.objects.exists()
    assert DeadLetter.objects.filter(status="pending").count() == 8


def test_a_forecast_names_the_price_of_what_is_known():
    letters.dead("connection reset", cost_usd="0.25")
    letters.dead("connection reset")

    preview = run_json("redrive", "preview", "--matching", "connection reset")["preview"]

    assert preview["forecast"]["letters_unknown"] == 1
    assert "1 of unknown cost not counted" in run("redrive", "preview", "--matching", "connection reset")


def test_a_forecast_of_named_letters_counts_them():
    pending, retrying = letters.dead(), letters.dead()
    dead_letters.retry([retrying.pk], actor=samples.SYSTEM, reason="")

    with pytest.raises(CommandError, match="it is retrying"):
        run("retry_dlq", pending.pk, retrying.pk, "--dry-run")

    assert run("retry_dlq", pending.pk, "--dry-run") == "would be retried: 1; skipped: 0"
    assert status_of(pending) == "pending"


@pytest.mark.parametrize("command", [["retry_dlq"], ["resolve_dlq", "--note", "x"], ["redrive", "preview"]])
@pytest.mark.parametrize("arguments", [[], [NOBODYS_ID, "--status", "pending"]])
def test_ids_or_filters_but_not_none_and_not_both(command: list[str], arguments: list[str]):
    with pytest.raises(CommandError, match="one of both"):
        run(*command, *arguments)


# ----------------------------------------------------------------------------------------- resolving


def test_named_letters_are_resolved_with_a_note():
    letter = letters.dead()

    assert run("resolve_dlq", letter.pk, "--note", "credentials updated") == "resolved: 1; skipped: 0"

    letter.refresh_from_db()
    assert (letter.status, letter.resolution) == ("resolved", "credentials updated")
    assert letter.resolved_by.startswith("command:")
    with pytest.raises(CommandError, match=r"cannot resolve dead letter .*: it is resolved"):
        run("resolve_dlq", letter.pk, "--note", "again")


def test_all_open_letters_that_match_are_resolved(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dead_letters, "BATCH", 2)
    mine = [letters.dead("connection reset") for _ in range(5)]
    other = letters.dead("bad request")
    dead_letters.resolve([mine[0].pk], actor=samples.SYSTEM, note="known")
    arguments = ["--matching", "connection reset", "--note", "known"]

    assert run("resolve_dlq", *arguments, "--dry-run") == "would be resolved: 4; skipped: 0"
    assert run_json("resolve_dlq", *arguments) == {"dry_run": False, "moved": 4, "skipped": {}}

    assert {status_of(letter) for letter in mine} == {"resolved"}
    assert status_of(other) == "pending"


@pytest.mark.parametrize("note", [[], ["--note", " "]])
def test_who_resolves_says_why(note: list[str]):
    letter = letters.dead()

    with pytest.raises(CommandError, match="note"):
        run("resolve_dlq", letter.pk, *note)

    assert status_of(letter) == "pending"


# -------------------------------------------------------------------------------------------- moving


def test_a_task_is_moved_to_the_dead_letters():
    task_id = lives.held().id

    assert run("move_to_dlq", task_id, "--reason", "stuck") == "moved to the dead letters: 1; skipped: 0"

    assert DeadLetter.objects.get(open_task_id=task_id).failure_reason == "stuck"
    with pytest.raises(CommandError, match=f"cannot move task {task_id}: it is failed"):
        run("move_to_dlq", task_id, "--reason", "stuck")


def test_all_tasks_that_match_are_moved():
    for _ in range(3):
        lives.make()

    forecast = run("move_to_dlq", "--status", "pending", "--reason", "stuck", "--dry-run")

    assert forecast == "would be moved to the dead letters: 3; skipped: 0"
    assert run_json("move_to_dlq", "--status", "pending", "--reason", "stuck")["moved"] == 3
    assert DeadLetter.objects.count() == 3
