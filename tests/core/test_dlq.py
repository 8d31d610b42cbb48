"""`core.dlq` as the runbook uses it: real fresh processes, on the test's database."""

import asyncio
import subprocess
import sys
import tracemalloc
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from django.db import connection

from core import dlq, items, setup
from governance.access import actors
from governance.errors import (
    DeadLetterConflict,
    DeadLetterNotFound,
    InvalidFilter,
    InvalidInput,
    TaskNotFound,
)
from governance.models import DeadLetter, LateResult
from juggernaut.environment import ROOT
from reliability.dead_letters import services as dead_letters
from tests.core import snippets
from tests.core.snippets import Ended
from tests.fleet import enlist
from tests.governance import lives, samples
from tests.ids import NOBODYS_ID
from tests.reliability import letters

Answer = TypeVar("Answer")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _world(transactional_db: None) -> Iterator[None]:
    """The workers of a fresh installation; afterwards, nobody holds the test's database open."""
    enlist()
    yield
    dlq._database.submit(lambda: connection.close()).result()


def states() -> list[str]:
    return sorted(DeadLetter.objects.values_list("status", flat=True))


# ------------------------------------------------------------------------------ the runbook's snippets


def test_a_task_is_moved_and_its_worker_refused():
    task = lives.held()

    ended = snippets.run(snippets.MOVE.format(id=task.id))

    assert ended == Ended(0, "", "")
    letter = DeadLetter.objects.get(open_task_id=task.id)
    assert (letter.cause, letter.failure_reason) == ("operator", "Rate limit exceeded")
    [*_, last] = lives.events(task.id)
    assert (last.to_status, last.actor) == ("failed", actors.from_login().name)
    assert not lives.complete(task)
    assert lives.status(task.id) == "failed"
    assert LateResult.objects.filter(task_id=task.id).count() == 1


@pytest.mark.parametrize("status", ["pending", "parked", "waiting_approval"])
def test_a_task_is_moved_from_every_live_state_and_the_id_returned(status: str):
    task_id = lives.in_state(status)

    ended = snippets.run(snippets.MOVE.format(id=task_id).replace("asyncio.run", "print(asyncio.run") + ")")

    assert (ended.status, ended.err) == (0, "")
    assert ended.out == str(DeadLetter.objects.get(open_task_id=task_id).pk)


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_a_task_that_has_ended_is_not_moved(status: str):
    task_id = lives.in_state(status)
    before = lives.snapshot(task_id)

    ended = snippets.run(snippets.MOVE.format(id=task_id))

    assert ended == Ended(1, "", f"cannot move task {task_id}: it is {status}")
    assert lives.snapshot(task_id) == before


@pytest.mark.parametrize("code", [snippets.MOVE, snippets.RETRY, snippets.RESOLVE])
@pytest.mark.parametrize("name", ["task-id", NOBODYS_ID])
def test_an_id_that_names_nothing_is_said_in_one_line(code: str, name: str):
    letter = letters.dead()

    ended = snippets.run(code.format(id=name))

    what = "task" if code == snippets.MOVE else "dead letter"
    assert ended == Ended(1, "", f"no {what} has the id {name}")
    assert DeadLetter.objects.get(pk=letter.pk).status == "pending"


def test_one_letter_is_retried_once_however_often_it_is_asked_for():
    letter = letters.dead()

    first, second = (snippets.run(snippets.RETRY.format(id=letter.pk)) for _ in range(2))

    assert (first, second) == (Ended(0, "", ""), Ended(0, "", ""))
    letter.refresh_from_db()
    assert (letter.status, letter.retries, letter.retried_by) == ("retrying", 1, actors.from_login().name)
    assert (lives.status(letter.task_id), lives.fetch(letter.task_id).error_attempts) == ("pending", 0)


@pytest.mark.slow
def test_all_that_match_a_pattern_are_retried():
    mine = letters.dead_many(items._PAGE + 10, "connection reset by peer 7")
    other = letters.dead("bad request")

    ended = snippets.run(snippets.RETRY_ALL)

    assert ended == Ended(0, "", "")
    assert DeadLetter.objects.filter(pk__in=mine, status="retrying", retries=1).count() == len(mine)
    assert DeadLetter.objects.get(pk=other.pk).status == "pending"


def test_two_operators_at_once_retry_once():
    mine = letters.dead_many(60, "connection reset by peer 7")

    operators = [snippets.start(snippets.RETRY_ALL) for _ in range(2)]
    answers = [snippets.ended(operator) for operator in operators]

    assert answers == [Ended(0, "", "")] * 2
    assert set(DeadLetter.objects.filter(pk__in=mine).values_list("status", "retries")) == {("retrying", 1)}


def test_a_letter_is_resolved_with_its_note():
    letter = letters.dead()

    ended = snippets.run(snippets.RESOLVE.format(id=letter.pk))
    again = snippets.run(snippets.RESOLVE.format(id=letter.pk))

    assert ended == Ended(0, "", "")
    letter.refresh_from_db()
    assert (letter.status, letter.resolution, letter.resolved_by) == (
        "resolved",
        "Fixed by updating API credentials",
        actors.from_login().name,
    )
    assert letter.resolved_at
    assert again == Ended(1, "", f"cannot resolve dead letter {letter.pk}: it is resolved")


# ---------------------------------------------------------------------------------- processes, consoles


def test_a_python_without_django_takes_the_projects_packages():
    task_id = lives.make().pk
    bare = str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")

    ended = snippets.run(snippets.MOVE.format(id=task_id), python=bare)

    assert ended == Ended(0, "", "")
    assert lives.status(task_id) == "failed"


@pytest.mark.parametrize(("has_own", "said"), [(False, "run `make run`"), (True, "use .venv/bin/python")])
def test_a_python_that_cannot_have_them_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, has_own: bool, said: str
):
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "find_spec", lambda _: None)
    if has_own:
        (tmp_path / ".venv" / "bin").mkdir(parents=True)
        (tmp_path / ".venv" / "bin" / "python").touch()

    with pytest.raises(setup.NotInstalled, match=said):
        setup.prepare()


def test_a_database_that_is_away_is_said_in_one_line():
    ended = snippets.run(snippets.RETRY_ALL, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith("database connection failed: ")
    assert "\n" not in ended.err


def test_settings_that_are_wrong_are_said_in_one_line():
    ended = snippets.run(snippets.RETRY_ALL, JUGGERNAUT_PROFILE="staging")

    assert ended == Ended(1, "", "JUGGERNAUT_PROFILE is 'staging'; expected 'local' or 'production'")


def test_a_refusal_can_be_caught_like_any_other_error():
    code = """
import asyncio
from core.dlq import retry_dlq_item
try:
    asyncio.run(retry_dlq_item('dlq-id'))
except Exception as refusal:
    print(type(refusal).__name__)
"""

    assert snippets.run(code) == Ended(0, "DeadLetterNotFound", "")


def test_what_nobody_foresaw_keeps_its_traceback():
    ended = snippets.run("import core.dlq; 1 / 0")

    assert ended.status == 1
    assert ended.err.startswith("Traceback")
    assert ended.err.endswith("ZeroDivisionError: division by zero")


def test_a_console_stays_open_after_a_refusal():
    typed = snippets.RETRY.format(id="dlq-id") + "print('still here')\n"

    ended = subprocess.run(
        [sys.executable, "-i", "-q"], cwd=ROOT, input=typed, capture_output=True, text=True, check=False
    )

    assert ended.stdout == "still here\n"
    assert "no dead letter has the id dlq-id" in ended.stderr
    assert "Traceback" not in ended.stderr


# ------------------------------------------------------------------------------------- the coroutines


def ask(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    return asyncio.run(coroutine)


def test_refusals_are_those_of_the_law():
    letter, done = letters.dead(), letters.dead()
    dead_letters.resolve([done.pk], actor=samples.SYSTEM, note="known")

    with pytest.raises(TaskNotFound):
        ask(dlq.move_to_dlq("x", "why"))
    with pytest.raises(InvalidInput, match="reason"):
        ask(dlq.move_to_dlq(lives.make().pk, " "))
    with pytest.raises(DeadLetterNotFound):
        ask(dlq.resolve_dlq_item(uuid4(), "known"))
    with pytest.raises(InvalidInput, match="note"):
        ask(dlq.resolve_dlq_item(letter.pk, ""))
    with pytest.raises(DeadLetterConflict, match="it is resolved"):
        ask(dlq.retry_dlq_item(str(done.pk)))
    with pytest.raises(InvalidFilter, match="status"):
        ask(dlq.get_dlq_items("lost"))
    assert states() == ["pending", "resolved"]


def test_a_retry_says_whether_it_was_the_one():
    letter = letters.dead()

    answers = [ask(dlq.retry_dlq_item(letter.pk)) for _ in range(2)]
    letters.run(letter)
    answers.append(ask(dlq.retry_dlq_item(letter.pk)))

    assert answers == [True, False, False]
    assert lives.status(letter.task_id) == "completed"


def test_a_letter_that_failed_again_is_retried_again():
    letter = letters.dead()
    ask(dlq.retry_dlq_item(letter.pk))
    letters.run(letter, error="it broke")

    assert ask(dlq.retry_dlq_item(letter.pk)) is True
    letter.refresh_from_db()
    assert (letter.status, letter.retries) == ("retrying", 2)


# ------------------------------------------------------------------------------------------- the list


def test_a_list_holds_all_that_match_oldest_first_as_plain_dicts():
    made = letters.dead_many(items._PAGE * 2 + 1, "connection reset by peer 7")
    dead_letters.resolve(made[:1], actor=samples.SYSTEM, note="known")

    found = ask(dlq.get_dlq_items(status="pending"))

    assert len(found) == items._PAGE * 2
    assert [item["id"] for item in found] == [str(letter_id) for letter_id in made[1:]]
    item = found[0]
    assert (item["status"], item["failure_reason"]) == ("pending", "connection reset by peer <n>")
    assert (UUID(item["task_id"]), item["cost_usd"]) == (DeadLetter.objects.get(pk=made[1]).task_id, 0)


def test_a_list_is_a_sequence():
    first, *_, last = made = [str(letter_id) for letter_id in letters.dead_many(5)]

    found = ask(dlq.get_dlq_items())

    assert (len(found), found[0]["id"], found[-1]["id"]) == (5, first, last)
    assert [item["id"] for item in found[1:3]] == made[1:3]
    assert [item["id"] for item in reversed(found)] == made[::-1]
    assert repr(found) == "<5 dead letters>"
    assert not ask(dlq.get_dlq_items("retrying"))
    with pytest.raises(IndexError):
        found[5]


def test_a_list_is_frozen_when_asked_for():
    made = letters.dead_many(3)
    found = ask(dlq.get_dlq_items("pending"))
    letters.dead_many(2)
    dead_letters.resolve(made[:1], actor=samples.SYSTEM, note="known")
    DeadLetter.objects.filter(pk=made[0]).delete()
    dead_letters.retry(made[1:2], actor=samples.SYSTEM, reason="")

    assert [(item["id"], item["status"]) for item in found] == [
        (str(made[1]), "retrying"),
        (str(made[2]), "pending"),
    ]
    with pytest.raises(LookupError, match="deleted"):
        found[0]


def test_a_list_takes_the_filters_of_the_api():
    letters.dead_many(2, "connection reset")
    letters.dead_many(1, "bad request")

    found = ask(dlq.get_dlq_items("pending", matching="connection"))

    assert [item["failure_reason"] for item in found] == ["connection reset"] * 2


@pytest.mark.slow
def test_a_list_of_many_takes_little_memory():
    letters.dead_many(2500, "connection reset " + "x" * 2000)

    tracemalloc.start()
    total = sum(len(item["error_message"]) for item in ask(dlq.get_dlq_items("pending")))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert total > 5_000_000
    assert peak < total
