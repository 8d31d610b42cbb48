"""What a group says of itself is what its letters add up to, after every kind of change."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection

from governance.models import DeadLetter, FailureHour, FailureSignature, Task
from governance.tasks import transitions
from tests.governance import letters, lives
from tests.governance.lives import PROCESS

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def bulk(count, error="pallet %s is gone"):
    """Letters of one statement."""
    Task.objects.bulk_create(Task(task_type="noop", run_after=lives.ago(60)) for _ in range(count))
    tasks = lives.claim(free=count)
    transitions.fail([lives.failing(task, error.replace("%s", str(n))) for n, task in enumerate(tasks)],
                     process_id=PROCESS)  # fmt: skip
    return [task.id for task in tasks]


def test_failures_alike_are_one_group_and_others_are_not():
    alike = [letters.failed(f"pallet {n} of order {n * n} is gone") for n in range(3)]
    other = letters.failed("the scale is broken")

    assert len({letter.signature_id for letter in alike}) == 1
    assert letters.counts(alike[0]) == (3, 0, 0)
    assert letters.counts(other) == (1, 0, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("tool_name", "http_get"), ("service", "openrouter"), ("error_class", "OtherError")],
)
def test_each_part_of_the_signature_tells_groups_apart(name, value):
    one = letters.failed("it broke")
    other = letters.failed("it broke", letters.PERMANENT | {name: value})

    assert one.signature_id != other.signature_id
    assert getattr(letters.group(other), name) == value


def test_the_task_type_tells_groups_apart_and_the_worker_does_not():
    one, other_type = letters.failed(), letters.failed(task_type="wait")
    other_worker = letters.failed(assigned_worker="ANALYST")

    assert one.signature_id != other_type.signature_id
    assert one.signature_id == other_worker.signature_id
    assert letters.group(one).workers == ["ANALYST", "EXECUTOR"]


def test_parts_of_a_signature_cannot_be_mistaken_for_one_another():
    one = letters.failed("b", letters.PERMANENT | {"tool_name": "a", "service": ""})
    other = letters.failed("b", letters.PERMANENT | {"tool_name": "", "service": "a"})

    assert one.signature_id != other.signature_id


def test_a_group_knows_its_failures_by_the_hour_and_when_it_was_last_seen():
    letter = letters.failed()
    letters.failed()
    letters.give_up(letters.retried(letter))

    found = letters.group(letter)
    [hour] = FailureHour.objects.filter(signature=found)
    assert (found.failures, hour.failures) == (3, 3)
    assert (hour.hour.minute, hour.hour.second) == (0, 0)
    assert hour.hour <= letters.fresh(letter).failed_at <= found.last_seen


CHANGES = {
    "resolve all in SQL": "UPDATE dead_letter_queue SET status = 'resolved'",
    "retry all in SQL": "UPDATE governance_tasks SET status = 'pending'",
    "complete all in SQL": "UPDATE governance_tasks SET status = 'completed'",
    "cancel all in SQL": "UPDATE governance_tasks SET status = 'cancelled'",
    "delete every letter with its task": """
        WITH l AS (DELETE FROM dead_letter_queue RETURNING task_id)
        DELETE FROM governance_tasks WHERE id IN (SELECT task_id FROM l)""",
    "correct the errors": "UPDATE dead_letter_queue SET error_message = 'other'",
    "correct the reason by hand": "UPDATE dead_letter_queue SET failure_reason = 'by hand'",
    "correct the class of errors": "UPDATE dead_letter_queue SET error_class = 'Other' || task_id",
    "give them a price": "UPDATE dead_letter_queue SET cost_usd = 0.000000001 + retries",
    "give them another worker": "UPDATE dead_letter_queue SET worker_id = 'ANALYST'",
    "change nothing": "UPDATE dead_letter_queue SET id = id, status = status",
    "hash them anew": "UPDATE dead_letter_queue SET rules_version = rules_version",
    "touch no row": "UPDATE dead_letter_queue SET status = 'resolved' WHERE false",
}


@pytest.mark.parametrize("change", CHANGES)
def test_counts_equal_a_recount_after(change):
    bulk(6)
    bulk(6, "the scale is broken")
    letters.retried(letters.failed())
    letters.assert_sound()

    letters.sql(CHANGES[change])

    letters.assert_sound()


@pytest.mark.parametrize("count", ["pending", "retrying", "resolved", "cost_usd", "failures"])
def test_a_count_is_not_edited_by_hand(count):
    letter = letters.failed()

    with pytest.raises(IntegrityError, match=f"counts of group {letter.signature_id} are kept"):
        letters.sql(f"UPDATE failure_signatures SET {count} = 7")

    letters.sql("UPDATE failure_signatures SET note = 'seen', pending = pending")
    letters.assert_sound()


def test_a_thousand_letters_are_counted_retried_resolved_and_deleted_in_statements():
    ids = bulk(1000)
    group = FailureSignature.objects.get()
    assert (group.pending, group.failures) == (1000, 1000)

    transitions.retry(ids, actor="ann", reason="again")
    letters.assert_sound()
    done = transitions.complete([lives.done(task) for task in lives.claim(free=400)], process_id=PROCESS)
    again = transitions.fail([lives.failing(task, "pallet 5 is gone") for task in lives.claim(free=400)],
                             process_id=PROCESS)  # fmt: skip
    letters.assert_sound()

    group.refresh_from_db()
    assert (len(done), len(again)) == (400, 400)
    assert (group.pending, group.retrying, group.resolved) == (400, 200, 400)
    assert (group.redrive_succeeded, group.redrive_failed, group.failures) == (400, 400, 1400)
    letters.sql("DELETE FROM dead_letter_queue WHERE status = 'resolved'")
    letters.assert_sound()
    assert FailureSignature.objects.get().resolved == 0


def test_money_is_exact_and_moves_with_its_letter():
    letter = letters.failed()
    DeadLetter.objects.filter(pk=letter.pk).update(cost_usd=Decimal("0.123456789"))
    assert letters.group(letter).cost_usd == Decimal("0.123456789")
    before = letter.signature_id

    DeadLetter.objects.filter(pk=letter.pk).update(error_message="other", cost_usd=Decimal(2))

    assert letters.group(letter).cost_usd == Decimal(2)
    assert FailureSignature.objects.get(pk=before).cost_usd == 0
    letters.assert_sound()


def test_a_letter_whose_error_is_corrected_takes_its_failure_along():
    letter = letters.failed()
    before = letter.signature_id

    letters.sql("UPDATE dead_letter_queue SET error_message = 'other' WHERE id = %s", letter.pk)

    assert (letters.group(letter).failures, letters.group(letter).failure_reason) == (1, "other")
    assert FailureSignature.objects.get(pk=before).failures == 0
    assert sum(FailureHour.objects.filter(signature=before).values_list("failures", flat=True)) == 0
    assert letters.fresh(letter).failed_at == letter.failed_at


def test_a_truncated_table_counts_nothing():
    bulk(3)

    letters.sql("TRUNCATE dead_letter_queue CASCADE")

    assert not Task.objects.exists()
    letters.assert_sound()


def test_a_group_with_letters_cannot_be_deleted():
    letter = letters.failed()

    with pytest.raises(Exception, match="violates foreign key"):
        letters.sql("DELETE FROM failure_signatures WHERE id = %s", letter.signature_id)


def test_a_group_keeps_its_triage_when_more_arrives():
    letter = letters.failed()
    FailureSignature.objects.filter(pk=letter.signature_id).update(triage="known", note="the scale")

    letters.failed()

    assert (letters.group(letter).triage, letters.group(letter).note) == ("known", "the scale")


def test_a_page_of_groups_counts_no_letters():
    letters.failed()

    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN SELECT * FROM failure_signatures ORDER BY last_seen DESC LIMIT 50")
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "dead_letter_queue" not in plan
