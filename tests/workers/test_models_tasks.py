"""What becomes of a task whose model cannot answer: carried out by the engine, asked over the wire."""

import contextlib
from importlib import import_module
from typing import Any

import pytest
from pydantic import BaseModel

from gateway import providers
from governance.models import Task
from governance.tasks import registry as task_types
from reliability.engine import heartbeat
from tests.governance import lives
from tests.polling import until
from tests.reliability.engine.drainage import draining
from tests.workers.models import FIRST, ledger

KIND = "asks a model"


class Question(BaseModel):
    text: str = "[sim:echo] Hello"


async def ask(payload, context):
    answer = await providers.chat(context, [{"role": "user", "content": payload.text}])
    return {"said": answer.text}


@pytest.fixture(autouse=True)
def _engine(service, monkeypatch):
    """A task type that asks once, and drains that look ten times as often."""
    monkeypatch.setattr(import_module("reliability.engine.worker_loop"), "POLL_SECONDS", 0.1)
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.2)
    monkeypatch.setattr("os._exit", lambda status: None)
    task_types.register(KIND, schema=Question)(ask)
    yield
    del task_types._types[KIND]


@contextlib.contextmanager
def carried_out(**columns):
    """A task that the engine takes up."""
    task = lives.make(task_type=KIND, assigned_worker="ANALYST", **columns)
    with draining():
        yield task.pk


def until_in(state, task_id):
    until(lambda: lives.status(task_id) == state, timeout=20, what=f"the task {state}")
    return Task.objects.get(pk=task_id)


def test_a_task_that_is_answered_completes(service):
    with carried_out() as task_id:
        task = until_in("completed", task_id)

    assert task.result == {"said": "[sim:echo] Hello"}
    assert len(ledger()) == 1


@pytest.mark.parametrize(
    ("fault", "breaker"),
    [
        ({"status": 401}, ""),
        ({"status": 402}, ""),
        ({"status": 403, "metadata": {"limit_source": "openrouter_key_limit"}}, ""),
        ({"status": 429, "retry_after": 600}, FIRST),
    ],
    ids=["401", "402", "403 with limit_source", "429"],
)
def test_a_task_is_parked_on_the_breaker_and_uses_no_attempt(provider, service, fault, breaker):
    provider.tell(faults=[fault])

    with carried_out() as task_id:
        task = until_in("parked", task_id)

    name = f"{service.name}:{breaker}" if breaker else service.name
    assert (task.wait["kind"], task.wait["name"]) == ("breaker", name)
    assert (task.attempts, task.error_attempts) == (0, 0)
    assert ledger() == []


def test_a_task_waits_while_the_provider_is_busy_with_our_other_calls(provider, service):
    metadata = {"limit_source": "openrouter_in_flight_budget"}
    provider.tell(faults=[{"status": 402, "retry_after": 600, "metadata": metadata}])

    with carried_out() as task_id:
        task = until_in("parked", task_id)

    assert task.wait["kind"] == "rate_limit"
    assert service.breaker()["state"] == "closed"
    assert (task.attempts, task.error_attempts) == (0, 0)


@pytest.mark.parametrize("status", [400, 403, 404, 413])
def test_a_request_that_is_wrong_fails_its_task_at_once(provider, service, status):
    provider.tell(faults=[{"status": status}])

    with carried_out() as task_id:
        task = until_in("failed", task_id)

    assert (task.attempts, len(provider.received())) == (1, 1)
    assert str(status) in task.error_message


ILL: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "502": {"status": 502},
    "503": {"status": 503},
    "408": {"status": 408},
    "error in 200": {"kind": "error_in_200"},
    "no choices": {"kind": "no_choices"},
    "broken JSON": {"kind": "broken_json"},
    "cut": {"kind": "cut"},
    "reset": {"kind": "reset"},
}


@pytest.mark.parametrize("name", ILL)
def test_a_task_tries_again_when_the_provider_is_ill(provider, service, name):
    provider.tell(faults=[{"times": 1} | ILL[name]])

    with carried_out() as task_id:
        task = until_in("completed", task_id)

    assert (task.attempts, task.error_attempts) == (2, 1)
    assert [source for source, _ in ledger()] == ["unknown", "provider"]


def test_without_a_key_the_task_fails_and_says_what_to_set(settings, service):
    settings.JUGGERNAUT_LLM_API_KEY = ""

    with carried_out() as task_id:
        task = until_in("failed", task_id)

    assert task.error_message.startswith("no model can be called: set JUGGERNAUT_LLM_API_KEY")
    assert "\n" not in task.error_message
