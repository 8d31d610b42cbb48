"""A request or a command that meets somebody's lock says so in time, and changes nothing."""

import pytest
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from governance.db import locks
from governance.management import command
from governance.models import Task
from juggernaut.api import problems
from tests.governance import lives
from tests.governance.api_client import of_role
from tests.governance.races import somebody_else

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def locked():
    task = lives.make()
    with somebody_else() as psql:
        psql.execute("SELECT FROM governance_tasks FOR UPDATE")
        yield task.pk


def test_the_api_answers_503_and_names_the_diagnosis(locked, monkeypatch):
    monkeypatch.setattr(locks, "_of_process", 0.05)

    answer = of_role("operator").post(f"tasks/{locked}/cancel", {"reason": "no need"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "manage.py diagnose says who" in answer.json()["detail"]
    assert lives.status(locked) == "pending"


def test_a_page_of_the_console_answers_503_in_words(locked):
    request = RequestFactory().get("/admin/")
    try:
        with locks.wait_at_most(0.05):
            Task.objects.filter(pk=locked).update(title="x")
    except Exception:  # noqa: BLE001 Django calls the handler while it handles the error
        page = problems.server_error(request)

    assert page.status_code == 503
    assert "Somebody holds a lock" in page.content.decode()


def test_a_command_gives_up_with_a_sentence(locked, monkeypatch):
    monkeypatch.setattr(command, "LOCK_SECONDS", 0.05)

    with pytest.raises(CommandError, match="somebody else holds a lock on these rows"):
        call_command("cancel_task", str(locked), "--reason", "no need")

    assert lives.status(locked) == "pending"
