"""Fixtures that start programs and never leave one behind."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from governance.models import DeadLetter, Fleet, Worker
from reliability.management import redrive_command
from tests.fleet import enlist
from tests.governance.conftest import client_with, nobody, operator, viewer  # noqa: F401
from tests.polling import until
from tests.reliability import letters
from tests.reliability.processes import Program, database_url


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts a program with arguments and environment."""
    programs: list[Program] = []

    def start_program(*arguments: str, **environment: str) -> Program:
        programs.append(Program(list(arguments), folder=tmp_path, **environment))
        return programs[-1]

    yield start_program
    for program in programs:
        program.end()


@pytest.fixture
def start_cluster(start: Callable[..., Program]) -> Callable[..., Program]:
    """Starts a cluster whose processes run a function of `tests.reliability.drains`, and waits for them."""

    def start_program(
        function: str, *, processes: int = 2, begins_with: str = "joined", **environment: str
    ) -> Program:
        program = start("-m", "tests.reliability.cluster_program", function, str(processes), **environment)
        until(lambda: len(program.lines(begins_with)) >= processes, what="every process at work", timeout=60)
        assert len(program.of_role("worker")) <= processes
        list(program.family())
        return program

    return start_program


@pytest.fixture
def start_watchdog(transactional_db: None, start: Callable[..., Program]) -> Callable[..., Program]:
    """Starts `watchdog_main.py` on this test's database, where it may do its duties."""
    enlist()
    return lambda **environment: start("watchdog_main.py", DATABASE_URL=database_url(), **environment)


@pytest.fixture
def executor(db: None) -> None:
    """The worker whose tasks tests claim; tests with real transactions leave the registry empty."""
    Worker.objects.get_or_create(worker_id="EXECUTOR", defaults={"capabilities": ["*"]})
    Fleet.objects.get_or_create(name="FLEET")


@pytest.fixture
def worked_off(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Between two looks, workers run what was handed over; the next error that they meet, or none."""
    errors: list[str] = []

    def work(_: float) -> None:
        retrying = DeadLetter.objects.filter(status="retrying")
        letters.run(*retrying, error=errors.pop(0) if errors else "")

    monkeypatch.setattr(redrive_command, "sleep", work)
    return errors
