"""What the tests of the acceptance table share: which row a test is of, and how its commands are run."""

from collections.abc import Callable

from tests.runbook.conftest import Stage
from tests.runbook.rows import ROWS
from tests.runbook.shell import Ended

Test = Callable[..., None]
tested: dict[int, str] = {}


def row(*numbers: int) -> Callable[[Test], Test]:
    """Says which rows of the table a test is of."""

    def note(test: Test) -> Test:
        tested.update(dict.fromkeys(numbers, test.__name__))
        return test

    return note


def snippet(stage: Stage, code: str) -> Ended:
    """Run the code in a fresh `python`, with nothing but the environment set."""
    return stage.terminal.run(f"python - <<'END OF CODE'\n{code}\nEND OF CODE")


def task(stage: Stage, status: str) -> str:
    """The rows of one task, by psql."""
    return stage.site.sql(f"SELECT status FROM governance_tasks WHERE id = '{status}'")


def printed(stage: Stage, number: int) -> list[str]:
    """What each command of a row prints; all must succeed."""
    return [stage.terminal.type(command) for command in ROWS[number]]
