"""One running system for all tests of this folder, and the incident that it is in."""

from collections.abc import Iterator

import pytest

from tests.places import var_folder
from tests.runbook.incidents import Incident
from tests.runbook.shell import Running
from tests.runbook.site import Site


class Stage:
    """The running system, taken from one incident to the next."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.terminal = site.terminal
        self._incident: Incident | None = None
        self._running: list[Running] = []

    def calm(self) -> None:
        """All is well."""
        self._run()
        self.end_running()
        ended, self._incident = self._incident, None
        if ended is not None:
            ended.end()

    def note(self, running: Running) -> None:
        """It ends with the incident."""
        self._running.append(running)

    def end_running(self) -> None:
        while self._running:
            self._running.pop().end()

    def at(self, kind: type[Incident]) -> Incident:
        """In an incident of this kind; the one that is under way goes on if it is one."""
        if type(self._incident) is not kind:
            self.calm()
            self._incident = kind(self.site)
            self._incident.begin()
        return self._incident

    def _run(self) -> None:
        """The machine runs, also if the last test has stopped it."""
        if not self.site.machine.processes():
            self.site.machine.start()
            self.site.machine.await_running()


@pytest.fixture(scope="package")
def stage() -> Iterator[Stage]:
    with var_folder() as place:
        site = Site(place)
        stage = Stage(site)
        try:
            site.up()
            yield stage
        finally:
            stage.end_running()
            site.down()


@pytest.fixture
def calm(stage: Stage) -> Stage:
    """The system, with nothing wrong."""
    stage.calm()
    return stage
