"""Machines to break, and the 500 tasks that they carry meanwhile."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import record
from tests.faults.pooled import pooled_system
from tests.faults.system import Batch, Load, System, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a fault, and slow."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def settings_of_machine() -> dict[str, str]:
    """Environment variables of the machine; a test file or a parameter overrides it."""
    return {}


@pytest.fixture
def is_pooled() -> bool:
    """Whether the machine reaches PostgreSQL through PgBouncer; `JUGGERNAUT_TEST_POOLER=1` says so."""
    return os.environ.get("JUGGERNAUT_TEST_POOLER") == "1"


@pytest.fixture
def system(own_var: Path, settings_of_machine: dict[str, str], is_pooled: bool) -> Iterator[System]:
    """A machine for this test alone, running; afterwards no process of it is left."""
    with contextlib.ExitStack() as stack:
        mine = (
            stack.enter_context(pooled_system(own_var, **settings_of_machine))
            if is_pooled
            else System(own_var, **settings_of_machine)
        )
        yield stack.enter_context(running(mine))


@pytest.fixture
def loaded(system: System, tmp_path: Path) -> Callable[..., Load]:
    """Puts a load on the machine; each has a place of its own."""
    loads: list[Load] = []

    def load_it(**options: int) -> Load:
        place = tmp_path / f"place-{len(loads)}"
        place.mkdir()
        loads.append(Load(system, place, **options))
        return loads[-1]

    return load_it


@pytest.fixture
def load(loaded: Callable[..., Load]) -> Load:
    """500 tasks in flight."""
    return loaded()


@pytest.fixture
def assert_sound(system: System) -> Callable[..., None]:
    """Checks, after a fault and the end of all tasks, that the record is whole."""

    def check(*batches: Batch, late: bool = False) -> None:
        for batch in batches:
            record.assert_done_exactly_once(batch, late=late)
        record.assert_nothing_in_progress(system)
        record.assert_log_is_clean(system)

    return check
