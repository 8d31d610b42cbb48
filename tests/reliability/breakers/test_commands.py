"""`breaker_status`, `reset_breaker` and `set_breaker`."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command, load_command_class
from django.utils import timezone

from reliability import breakers
from reliability.breakers import client as gate
from reliability.breakers import services
from reliability.breakers.models import CircuitBreaker, CircuitBreakerEvent
from reliability.errors import BreakerOpen
from tests.governance import samples

pytestmark = pytest.mark.django_db(transaction=True)


def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def test_the_status_is_told_in_a_line_each(name: str, make: Callable[..., CircuitBreaker]):
    make()
    breakers.record(breakers.acquire(name), breakers.auth("who are you?"))
    services.force_open(name, actor=samples.SYSTEM, reason="looking into it")

    line = said("breaker_status", name)

    assert line == (
        f"{name}: open; our credentials are refused: who are you?; waits for an operator; "
        f"forced_open by {samples.SYSTEM.name}: looking into it; 0 of 0 recent calls failed"
    )


def test_the_status_is_json_on_request(name: str, make: Callable[..., CircuitBreaker]):
    make()
    breakers.acquire(name)

    assert json.loads(said("breaker_status", "--json"))[name]["state"] == "closed"


def test_a_breaker_is_reset_with_a_reason(name: str, make: Callable[..., CircuitBreaker]):
    make()
    breakers.record(breakers.acquire(name), breakers.auth())

    assert said("reset_breaker", name, "--reason", "new key") == "reset: 1"

    assert gate.acquire(name).verdict == "call"
    assert CircuitBreakerEvent.objects.get(breaker=name, kind="reset").cause == "new key"


def test_all_are_reset(make: Callable[..., CircuitBreaker]):
    make()

    assert said("reset_breaker", "--all") == f"reset: {CircuitBreaker.objects.count()}"


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (["reset_breaker"], "say --all"),
        (["reset_breaker", "x", "--all"], "say --all"),
        (["reset_breaker", "nobody"], "known: "),
        (["breaker_status", "nobody"], "known: "),
    ],
)
def test_what_is_unclear_is_refused(arguments: list[str], refusal: str):
    with pytest.raises(CommandError, match=refusal):
        said(*arguments)


def test_what_happened_is_told_newest_first(name: str, make: Callable[..., CircuitBreaker]):
    make()
    services.update_settings(name, actor=samples.SYSTEM, reason="patience", failure_threshold=9)
    services.reset(name, actor=samples.SYSTEM, reason="back")

    lines = said("breaker_status", name, "--events", "5").splitlines()

    assert lines[0].endswith(f"{name}  reset by {samples.SYSTEM.name}: back")
    assert "settings {'failure_threshold': 5} -> {'failure_threshold': 9}" in lines[1]
    assert len(json.loads(said("breaker_status", name, "--events", "1", "--json"))) == 1


def test_what_would_be_reset_is_told_and_not_done(name: str, make: Callable[..., CircuitBreaker]):
    make()
    breakers.record(breakers.acquire(name), breakers.auth())

    assert said("reset_breaker", name, "--dry-run") == f"would be reset: {name}, which is open"
    assert f"would be reset: {name}, which is open" in said("reset_breaker", "--all", "--dry-run")
    with pytest.raises(BreakerOpen):
        breakers.acquire(name)


def test_settings_of_several_are_changed(name: str, make: Callable[..., CircuitBreaker]):
    make()
    CircuitBreaker.objects.create(name=f"{name}:model")

    line = said(
        "set_breaker", name, f"{name}:model", "--failure-threshold", "9", "--reset-timeout", "60",
        "--reason", "patience",
    ).splitlines()[0]  # fmt: skip

    assert line.startswith(f"changed: {name}, normal: failure_threshold 9, reset_timeout 60,")
    assert set(CircuitBreaker.objects.values_list("failure_threshold", flat=True)) == {9}
    assert {event.cause for event in CircuitBreakerEvent.objects.filter(kind="settings")} == {"patience"}


@pytest.mark.parametrize(
    ("option", "mode"), [("--force-open", "forced_open"), ("--disable", "disabled"), ("--shadow", "shadow")]
)
def test_a_mode_ends_when_it_was_said(name: str, make: Callable[..., CircuitBreaker], option: str, mode: str):
    make()

    said("set_breaker", name, option, "--minutes", "30", "--reason", "looking")

    row = CircuitBreaker.objects.get(pk=name)
    assert (row.mode, row.mode_reason) == (mode, "looking")
    left = (row.mode_until or timezone.now()) - timezone.now()
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)
    document = json.loads(said("set_breaker", name, "--restore", "--reason", "done", "--json"))
    assert document["breakers"][0]["mode"] == "normal"


def test_a_dry_run_changes_nothing(name: str, make: Callable[..., CircuitBreaker]):
    make()

    line = said("set_breaker", name, "--failure-threshold", "9", "--dry-run")

    assert line.startswith(f"can be changed: {name}, normal: failure_threshold 5,")
    assert CircuitBreaker.objects.get(pk=name).failure_threshold == 5
    assert not CircuitBreakerEvent.objects.filter(breaker=name).exists()
    assert breakers.acquire(name).verdict == "call"


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        ([], "name settings, or a mode"),
        (["--failure-threshold", "9", "--restore"], "name settings, or a mode"),
        (["--failure-threshold", "0"], "failure_threshold: "),
        (["--reset-timeout", "700"], "reset_timeout: longer than max_wait_seconds"),
        (["--failure-threshold", "9", "--minutes", "3"], "--until and --minutes go with"),
        (["--restore", "--minutes", "3", "--reason", "x"], "--until and --minutes go with"),
        (["--disable", "--reason", "x"], "--disable needs its end"),
        (["--force-open"], "reason: expected"),
        (["--force-open", "--reason", "x", "--until", "tomorrow"], "until: ISO 8601 with a zone"),
        (["--force-open", "--reason", "x", "--until", "2099-01-01T00:00"], "until: ISO 8601 with a zone"),
        (["--force-open", "--reason", "x", "--minutes", "-1"], "until: a time to come"),
        (["nobody", "--restore", "--reason", "x"], "no circuit breaker has the name 'nobody'"),
    ],
)
def test_all_of_them_or_none(
    name: str, make: Callable[..., CircuitBreaker], arguments: list[str], refusal: str
):
    version = make().version

    with pytest.raises(CommandError, match=refusal):
        said("set_breaker", name, *arguments)

    assert CircuitBreaker.objects.get(pk=name).version == version


@pytest.mark.parametrize("command", ["breaker_status", "reset_breaker", "set_breaker"])
def test_the_help_says_what_it_does_and_every_option(command: str):
    parser = load_command_class("reliability", command).create_parser("manage.py", command)

    assert (parser.description or "").endswith(".")
    assert all(action.help for action in parser._actions)
    assert "--json" in parser.format_help()
