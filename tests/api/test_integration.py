"""What `docs/integration/api_integration.md` shows, and a generated client, against a whole machine."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from governance.tasks import schemas
from juggernaut.environment import ROOT
from tests.machine import Machine
from tests.polling import until

DOCUMENT = (ROOT / "docs" / "integration" / "api_integration.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def token(machine: Machine) -> str:
    """Of a client, made as the document says, at a machine that runs."""
    machine.start()
    machine.await_running()
    made = machine.command("create_token", "my-service", "--role", "operator")
    assert made.returncode == 0, made.stderr
    return made.stdout.split()[-1]


@pytest.fixture
def environment(machine: Machine, token: str) -> dict[str, str]:
    return os.environ | {"JUGGERNAUT_URL": machine.url, "JUGGERNAUT_TOKEN": token}


def run(command: list[str], code: str, environment: dict[str, str]) -> str:
    ran = subprocess.run(command, input=code, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_examples_do_what_the_document_says(
    machine: Machine, environment: dict[str, str], tmp_path: Path
):
    [python] = blocks("python")
    [curl] = [block for block in blocks("sh") if block.startswith("set -eu")]

    said_by_python = run([sys.executable, "-W", "error", "-"], python, environment)
    said_by_curl = run(["bash"], curl, environment)

    assert said_by_python.splitlines()[-2:] == ["passed", "0 dead letters wait for a person"]
    assert re.search(r"^completed: \{.*'passed': True", said_by_curl, re.MULTILINE)
    assert said_by_curl.splitlines()[-1] == "[]"


def test_a_generated_client_does_the_quick_start(
    machine: Machine, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    client = generated(machine, token, tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "made"))
    submit, get = (
        importlib.import_module(f"{client}.api.tasks.{name}") for name in ("submit_task", "get_task")
    )
    letters = importlib.import_module(f"{client}.api.dead_letters.list_letters")
    models = importlib.import_module(f"{client}.models")
    authenticated = importlib.import_module(f"{client}.client").AuthenticatedClient
    payload = models.SubmissionPayload.from_dict({"eval_type": "metric", "metric_value": 100, "minimum": 95})
    body = models.Submission(task_type="evaluation", title="Health check", payload=payload)

    with authenticated(base_url=machine.url, token=token, raise_on_unexpected_status=True) as mine:
        receipt = submit.sync(client=mine, body=body, idempotency_key="quick-start")
        again = submit.sync(client=mine, body=body, idempotency_key="quick-start")
        task = until(lambda: ended(get.sync(receipt.id, client=mine)), timeout=60, what="the task's end")
        page = letters.sync(client=mine, limit=5)
        refused = submit.sync(client=mine, body=models.Submission(task_type="no such type"))

    assert again.id == receipt.id
    assert (task.status, task.result["passed"]) == ("completed", True)
    assert (page.letters, page.next_) == ([], None)
    assert (refused.status, refused.errors[0].field) == (400, "task_type")


def ended(task: Any) -> Any:
    return task if task.status in {"completed", "failed", "cancelled"} else None


def generated(machine: Machine, token: str, folder: Path) -> str:
    """Make a client from the schema that the machine serves; the name of its package."""
    schema = folder / "schema.json"
    mine = {"Authorization": f"Bearer {token}"}
    answer = httpx.get(f"{machine.url}/api/schema", headers=mine, timeout=60)
    schema.write_bytes(answer.raise_for_status().content)
    settings = folder / "settings.yaml"
    settings.write_text("post_hooks: []")  # its code is not ours to format
    command = [
        str(Path(sys.executable).with_name("openapi-python-client")), "generate", "--path", str(schema),
        "--output-path", str(folder / "made"), "--config", str(settings), "--fail-on-warning",
    ]  # fmt: skip
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    [package] = [found.parent.name for found in (folder / "made").glob("*/client.py")]
    return package


@pytest.mark.parametrize("text", blocks("json"))
def test_the_tasks_in_the_document_are_accepted(text: str):
    assert schemas.parse(json.loads(text)).task_type == "workflow"
