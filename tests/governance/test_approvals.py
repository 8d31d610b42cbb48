"""Approvals: of exactly these arguments, used once, for a while, by a person who may."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from governance.access import approvals
from governance.access.actors import Actor
from governance.access.approvals import Answer
from governance.errors import ApprovalConflict, ApprovalNotFound, Forbidden, InvalidInput
from governance.models import Approval, AuditEntry
from tests.governance.races import race

pytestmark = pytest.mark.django_db
ANN = Actor("user:ann", is_trusted=True)
MAIL = {"to": "board@example.com", "n": 1, "password": "hunter2"}


def ask(arguments=MAIL, worker_id="EXECUTOR", tool_name="notify.send", **options):
    return approvals.require(worker_id, tool_name, arguments, **options)


def approved(**options):
    return approvals.approve(ask(**options).approval_id, actor=ANN, reason="fine")


class TestAsking:
    def test_leaves_a_question_that_shows_the_call_without_secrets(self):
        verdict = ask(task_id=uuid4(), price_usd=Decimal("0.25"))

        question = Approval.objects.get(pk=verdict.approval_id)
        assert verdict.answer is Answer.WAIT
        assert (question.status, question.price_usd) == ("pending", Decimal("0.25"))
        assert question.arguments == MAIL | {"password": "[hidden]"}
        assert timedelta(hours=23) < question.expires_at - timezone.now() <= approvals.LASTS

    def test_again_is_the_same_question(self):
        assert ask() == ask()

        assert Approval.objects.get().status == "pending"
        assert Approval.objects.count() == 1

    def test_in_another_order_of_keys_is_the_same_question(self):
        assert ask({"a": 1, "b": [2]}).approval_id == ask({"b": [2], "a": 1}).approval_id

    @pytest.mark.parametrize(
        "other",
        [
            {"arguments": MAIL | {"n": 2}},
            {"arguments": MAIL | {"n": "1"}},
            {"arguments": MAIL | {"password": "hunter3"}},
            {"worker_id": "ANALYST"},
            {"tool_name": "notify.other"},
            {"task_id": uuid4()},
        ],
    )
    def test_anything_else_is_another_question(self, other):
        first = approved()

        verdict = ask(**other)

        assert verdict.answer is Answer.WAIT
        assert verdict.approval_id != first.pk

    def test_what_json_cannot_say_is_refused(self):
        with pytest.raises(InvalidInput, match="arguments"):
            ask({"x": object()})


class TestAnApproval:
    def test_is_used_once(self):
        first = approved()

        granted, then = ask(), ask()

        assert (granted.answer, granted.approval_id) == (Answer.GRANTED, first.pk)
        assert granted.rule == f"approval {first.pk} of EXECUTOR notify.send: approved by user:ann"
        assert then.answer is Answer.WAIT
        assert then.approval_id != first.pk

    def test_can_be_used_again_if_the_call_was_not_made(self):
        approved()
        approvals.give_back(ask().approval_id)

        assert ask().answer is Answer.GRANTED
        assert ask().answer is Answer.WAIT

    def test_ends_with_its_time(self):
        approved()
        Approval.objects.update(expires_at=timezone.now())

        assert ask().answer is Answer.WAIT
        assert sorted(Approval.objects.values_list("status", flat=True)) == ["expired", "pending"]

    def test_is_audited_with_who_and_why_and_using_it_is_not(self):
        first = approved()
        approvals.give_back(ask().approval_id)

        [entry] = AuditEntry.objects.all()
        assert (entry.actor, entry.action, entry.reason) == ("user:ann", "approval.approve", "fine")
        assert entry.target == f"approval {first.pk}"
        assert AuditEntry.objects.filter(before__status="pending", after__status="approved").exists()


class TestARejection:
    def test_stands_for_the_same_call_of_the_same_task(self):
        task = uuid4()
        asked = ask(task_id=task)
        approvals.reject(asked.approval_id, actor=ANN, reason="not to the board")

        again = ask(task_id=task)

        assert (again.answer, again.approval_id) == (Answer.REJECTED, asked.approval_id)
        assert again.rule.endswith("rejected by user:ann: not to the board")
        assert ask(task_id=uuid4()).answer is Answer.WAIT
        assert AuditEntry.objects.get().action == "approval.reject"

    def test_ends_with_its_time(self):
        approvals.reject(ask().approval_id, actor=ANN, reason="no")
        Approval.objects.update(expires_at=timezone.now())

        assert ask().answer is Answer.WAIT

    def test_says_why(self):
        with pytest.raises(InvalidInput, match="reason"):
            approvals.reject(ask().approval_id, actor=ANN, reason=" ")


class TestADecision:
    @pytest.mark.parametrize("verb", [approvals.approve, approvals.reject])
    def test_is_made_once(self, verb):
        question = approved()

        with pytest.raises(ApprovalConflict, match="it is approved") as refused:
            verb(question.pk, actor=ANN, reason="again")

        assert refused.value.found == "approved"
        assert AuditEntry.objects.count() == 1

    def test_comes_too_late_when_the_question_has_expired(self):
        question = ask(lasts=timedelta(microseconds=1))

        with pytest.raises(ApprovalConflict, match="it is expired"):
            approvals.approve(question.approval_id, actor=ANN)

    def test_needs_a_question(self):
        with pytest.raises(ApprovalNotFound):
            approvals.approve(uuid4(), actor=ANN)

    @pytest.mark.parametrize("verb", [approvals.approve, approvals.reject])
    def test_needs_somebody_who_may(self, verb):
        question = ask()

        with pytest.raises(Forbidden, match="decide_approval"):
            verb(question.approval_id, actor=Actor("user:eve"), reason="please")


def test_the_watchdog_ends_what_nobody_answered_or_used():
    (
        ask(),
        approved(tool_name="other"),
        approvals.reject(ask(tool_name="third").approval_id, actor=ANN, reason="no"),
    )

    assert approvals.expire(timezone.now() + timedelta(hours=25)) == 2
    assert sorted(Approval.objects.values_list("status", flat=True)) == ["expired", "expired", "rejected"]


@pytest.mark.parametrize("change", [{"status": "approved"}, {"status": "maybe"}, {"used_at": timezone.now()}])
def test_a_row_that_could_not_be_true_is_refused(change):
    ask()

    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.update(**change)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_once_one_gets_the_approval_and_the_others_one_new_question():
    first = approved()

    verdicts = race(*[ask] * 8)

    granted = [verdict for verdict in verdicts if verdict.answer is Answer.GRANTED]
    assert [verdict.approval_id for verdict in granted] == [first.pk]
    assert {verdict.answer for verdict in verdicts} == {Answer.GRANTED, Answer.WAIT}
    assert Approval.objects.filter(status="pending").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_once_one_does():
    question = ask().approval_id

    def decide(verb):
        try:
            return verb(question, actor=ANN, reason="mine").status
        except ApprovalConflict as conflict:
            return f"found {conflict.found}"

    ended = race(lambda: decide(approvals.approve), lambda: decide(approvals.reject))

    status = Approval.objects.get().status
    assert sorted(ended) == sorted([status, f"found {status}"])
