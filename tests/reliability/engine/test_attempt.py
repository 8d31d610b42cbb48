"""How an attempt ends: by what its function returned, by what it raised, or because time was up."""

import asyncio
import json
import sys
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from pydantic import BaseModel, ConfigDict

from governance.tasks.waits import Wait, WaitKind
from reliability.engine import attempt
from reliability.engine.attempt import Completed, Failed, Parked, RetryLater
from reliability.engine.threads import Threads
from reliability.failures import Denied, PermanentFailure, Postponed, TransientFailure
from tests.polling import until
from tests.reliability.engine import attempts
from tests.reliability.engine.attempts import answering, carry_out, raising


class Answer(BaseModel):
    ratio: float


class Unchecked(BaseModel):
    """A model that writes NaN as `NaN`, which is no JSON."""

    model_config = ConfigDict(ser_json_inf_nan="constants")
    ratio: float


def result(ending):
    assert isinstance(ending, Completed), ending
    return json.loads(ending.result)


def error(ending):
    assert isinstance(ending, Failed), ending
    return ending.error


@pytest.mark.parametrize("answer", [{"a": [1, 2.5, None, True, "ü"]}, [], "text", 0, None])
def test_what_is_json_is_the_result(answer):
    assert result(answering(answer)) == answer


def test_a_statement_that_met_a_lock_parks_its_task_and_counts_nothing():
    refused = OperationalError("canceling statement due to lock timeout")
    refused.__cause__ = LockTimeout()

    ending = raising(refused)

    assert isinstance(ending, Parked), ending
    assert ending.wait.kind is WaitKind.LOCK
    assert ending.wait.until is not None


class LockTimeout(Exception):
    pgcode = "55P03"


def test_a_model_is_the_result_as_json():
    assert result(answering(Answer(ratio=0.5))) == {"ratio": 0.5}


def test_a_plain_function_runs_in_a_thread_of_its_own():
    def run(payload, context):
        return {"thread": threading.current_thread().name, "attempt": context.attempt}

    assert result(carry_out(run)) == {"thread": "task_0", "attempt": 1}


def test_the_payload_arrives_validated():
    async def run(payload, context):
        return payload.model_dump()

    assert result(carry_out(run, payload='{"x": 1}')) == {"x": 1}


def test_an_unknown_type_fails_for_good_and_lists_the_known_ones():
    ending = carry_out(lambda payload, context: None, task_type="divination")

    assert error(ending).startswith("unknown task type 'divination'; expected one of: ")
    assert "evaluation" in error(ending)


@pytest.mark.parametrize("payload", ['{"metric_value": "high"}', "[]", "null", '"text"'])
def test_a_bad_payload_fails_for_good_and_names_the_field(payload):
    ending = carry_out(lambda payload, context: None, task_type="evaluation", payload=payload)

    assert error(ending).startswith("bad payload: payload")


@pytest.mark.parametrize(
    ("payload", "said"),
    [('{"a":' * 3000 + "1" + "}" * 3000, "recursion limit"), ('{"a": ' + "9" * 5000 + "}", "out of range")],
    ids=["deep", "large"],
)
def test_a_payload_typed_in_sql_that_nobody_can_read_fails_its_task_alone(payload, said):
    ending = carry_out(lambda payload, context: None, task_type="evaluation", payload=payload)

    assert error(ending).startswith("bad payload: payload: Invalid JSON")
    assert said in error(ending)


def test_a_permanent_failure_fails_at_the_first_attempt():
    assert raising(PermanentFailure("no such model")) == Failed(
        "no such model", {"cause": "permanent", "error_class": "PermanentFailure"}
    )


def test_a_denied_call_fails_for_good_and_names_the_call():
    denied = Denied("may not send mail", tool_name="notify.send", service="mailer")

    assert raising(denied) == Failed(
        "may not send mail",
        {"cause": "denied", "error_class": "Denied", "tool_name": "notify.send", "service": "mailer"},
    )


def test_a_transient_failure_is_tried_again_not_sooner_than_asked():
    ending = raising(TransientFailure("busy", retry_after=timedelta(minutes=20)))

    assert isinstance(ending, RetryLater)
    assert (ending.error, ending.delay_seconds) == ("busy", 1200)


def test_an_unexpected_error_is_transient_and_logged_with_its_traceback_in_the_end(caplog):
    assert isinstance(raising(KeyError("price")), RetryLater)

    ending = raising(KeyError("price"), error_attempts=2)

    assert error(ending) == "KeyError: 'price'"
    assert caplog.records[-1].exc_info[0] is KeyError


def test_the_last_attempt_is_the_last():
    assert isinstance(raising(TransientFailure("busy"), error_attempts=1), RetryLater)
    used_up = Failed("busy", {"cause": "attempts", "error_class": "TransientFailure"})
    assert raising(TransientFailure("busy"), error_attempts=2) == used_up
    assert raising(TransientFailure("busy"), max_attempts=1) == used_up


def test_a_timeout_of_an_async_function_is_transient():
    async def run(payload, context):
        await asyncio.sleep(3600)

    ending = carry_out(run, timeout_seconds=0.01)

    assert isinstance(ending, RetryLater)
    assert ending.error == "timed out after 0.01 s"


def test_a_timeout_of_a_plain_function_is_transient_and_stops_it():
    ended = threading.Event()

    def run(payload, context):
        try:
            until(context.check, timeout=10)
        finally:
            ended.set()

    ending = carry_out(run, timeout_seconds=0.01)

    assert isinstance(ending, RetryLater)
    assert ending.error == "timed out after 0.01 s"
    assert ended.wait(10)


def test_a_timeout_that_the_function_met_itself_is_not_taken_for_ours():
    ending = raising(TimeoutError("the service did not answer"))

    assert isinstance(ending, RetryLater)
    assert ending.error == "TimeoutError: the service did not answer"


def test_a_deadline_that_passes_is_final():
    async def run(payload, context):
        await asyncio.sleep(3600)

    assert error(carry_out(run, deadline_in=0.01)) == "its deadline passed while it ran"
    assert error(carry_out(run, deadline_in=-5.0)) == "its deadline passed while it ran"


def test_the_timeout_comes_first_when_it_is_shorter_than_the_deadline():
    async def run(payload, context):
        await asyncio.sleep(3600)

    assert isinstance(carry_out(run, timeout_seconds=0.01, deadline_in=60.0), RetryLater)


def test_a_plain_function_that_waits_for_a_thread_does_not_use_up_its_time():
    """More plain tasks than threads: those in the queue have not begun."""
    release, entered = threading.Event(), threading.Semaphore(0)

    def block(payload, context):
        entered.release()
        assert release.wait(10)

    async def race():
        threads = Threads(1)
        first = attempts.claimed(task_type="under test")
        second = attempts.claimed(task_type="under test", timeout_seconds=0.05)
        jobs = [
            asyncio.create_task(
                attempt.run(task, attempts.context_of(task), threads=threads, on_late=lambda *late: None)
            )
            for task in (first, second)
        ]
        done, _ = await asyncio.wait([jobs[1]], timeout=0.2)
        release.set()
        await asyncio.wait(jobs)
        threads.close()
        return done, jobs[1].result()

    with attempts.task_type(block):
        ended_while_it_waited, ending = asyncio.run(race())

    assert not ended_while_it_waited
    assert isinstance(ending, Completed)


def test_a_result_that_is_too_large_fails_for_good_and_says_the_limit():
    ending = answering("x" * attempt.MAX_RESULT_BYTES)

    assert error(ending) == "its result has 262146 bytes; at most 262144 can be stored"


@pytest.mark.parametrize("answer", [object(), {1: 2}, {"a": {1, 2}}, b"bytes", 2**70, "half \ud800"])
def test_a_result_that_is_not_json_fails_for_good(answer):
    assert error(answering(answer)).startswith("its result is not JSON: ")


@pytest.mark.parametrize("answer", ["\x00", {"a": ["x\x00y"]}, {"\x00": 1}])
def test_a_result_with_a_nul_fails_for_good(answer):
    assert error(answering(answer)) == "its result holds a NUL character, which PostgreSQL cannot store"


def test_a_result_that_only_speaks_of_a_nul_is_stored():
    assert result(answering({"regex": "\\u0000"})) == {"regex": "\\u0000"}


@pytest.mark.parametrize("ratio", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_know_never_reach_the_database(ratio):
    for answer in ({"ratio": ratio}, [None, [ratio]], Answer(ratio=ratio), Unchecked(ratio=ratio)):
        assert error(answering(answer)) == "its result is not JSON: it holds a number that is not finite"


def test_an_error_message_is_cut_and_made_storable():
    long = raising(PermanentFailure("a\x00b" + "x" * 10_000))

    assert error(long).startswith("a�b")
    assert len(error(long)) == attempt.MAX_ERROR_CHARS


def test_an_error_message_that_is_no_utf_8_can_be_reported():
    """A file name that is not UTF-8 comes from the operating system with lone surrogates."""
    ending = raising(ValueError("cannot open caf\udce9"))

    assert isinstance(ending, RetryLater)
    ending.error.encode()


def test_an_error_that_cannot_say_what_it_is_is_named_by_its_class():
    class Mute(Exception):
        def __str__(self):
            raise AttributeError("status_code")

    ending = raising(Mute())

    assert isinstance(ending, RetryLater)
    assert ending.error.startswith("Mute")


def test_a_cancellation_inside_the_function_is_an_error_of_the_function():
    """Nobody took the task away: something that it awaited was cancelled."""
    ending = raising(asyncio.CancelledError())

    assert isinstance(ending, RetryLater)
    assert ending.error.startswith("CancelledError")


def test_a_cancellation_from_outside_leaves_without_an_ending():
    async def run(payload, context):
        await asyncio.sleep(3600)

    async def cancel():
        task = attempts.claimed(task_type="under test")
        job = asyncio.create_task(
            attempt.run(task, attempts.context_of(task), threads=Threads(1), on_late=lambda *late: None)
        )
        await asyncio.sleep(0)
        job.cancel()
        await asyncio.wait([job])
        return job.cancelled()

    with attempts.task_type(run):
        assert asyncio.run(cancel())


@pytest.mark.parametrize("is_async", [True, False])
def test_a_function_that_wants_to_exit_fails_and_takes_no_other_along(is_async):
    async def leave(payload, context):
        sys.exit("usage: …")

    def leave_plain(payload, context):
        sys.exit("usage: …")

    ending = carry_out(leave if is_async else leave_plain)

    assert isinstance(ending, RetryLater)
    assert ending.error == "SystemExit: usage: …"


def test_a_plain_function_that_was_stopped_before_it_began_does_nothing():
    ran = []
    task = attempts.claimed(task_type="under test")
    context = attempts.context_of(task)
    context.is_stopped = True

    with attempts.task_type(lambda payload, context: ran.append(1)):
        asyncio.run(attempt.run(task, context, threads=Threads(1), on_late=lambda *late: None))

    assert ran == []


OPEN = Wait(kind=WaitKind.BREAKER, name="openrouter", sentence="circuit breaker openrouter is open")


def test_what_cannot_go_on_is_parked_for_what_it_waits_for():
    assert raising(Postponed(OPEN)) == Parked(OPEN)


def test_a_last_attempt_that_cannot_go_on_is_parked_too():
    assert raising(Postponed(OPEN), error_attempts=2, max_attempts=3) == Parked(OPEN)


def test_a_plain_function_that_cannot_go_on_is_parked_too():
    def run(payload, context):
        raise Postponed(OPEN)

    assert carry_out(run) == Parked(OPEN)


def test_a_group_of_calls_that_all_must_wait_is_parked_for_the_first():
    other = Wait(kind=WaitKind.BUDGET, name="FLEET", sentence="budget FLEET")

    assert raising(ExceptionGroup("calls", [Postponed(OPEN), Postponed(other)])) == Parked(OPEN)


def test_a_group_in_which_something_else_went_wrong_has_failed():
    ending = raising(ExceptionGroup("calls", [Postponed(OPEN), ValueError("it broke")]))

    assert isinstance(ending, RetryLater)
