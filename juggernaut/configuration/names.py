"""Variables of the environment that look like settings and are none."""

import logging
import os
from collections.abc import Mapping
from difflib import get_close_matches

from juggernaut.configuration import checks, fields
from juggernaut.configuration.loading import current
from juggernaut.configuration.model import Configuration

logger = logging.getLogger(__name__)

PREFIX = "JUGGERNAUT_"
RENAMED = {
    "JUGGERNAUT_PROXIES": "JUGGERNAUT_TRUSTED_PROXIES",
    "JUGGERNAUT_DOOR_THREADS": "JUGGERNAUT_CALL_THREADS",
    "JUGGERNAUT_API_STRANGER_RATE": "JUGGERNAUT_API_ANONYMOUS_RATE",
    "JUGGERNAUT_WORKSPACES_KEPT_DAYS": "JUGGERNAUT_WORKSPACE_RETENTION_DAYS",
    "JUGGERNAUT_WEDGED_SECONDS": "JUGGERNAUT_STALLED_CLUSTER_SECONDS",
}
# What clients of the API set for themselves, as in docs/integration/api_integration.md.
OF_CLIENTS = frozenset({"JUGGERNAUT_URL", "JUGGERNAUT_TOKEN"})
# What the test suite reads for itself.
OF_TESTS = "JUGGERNAUT_TEST_"
# As close as one letter missing, added or swapped, or a word in another place.
_CUTOFF = 0.7


def warnings(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each unknown variable, with the name that was probably meant."""
    known = fields.known(Configuration)
    found = sorted(name for name in environment if name.startswith(PREFIX))
    unknown = [name for name in found if name not in known | OF_CLIENTS and not name.startswith(OF_TESTS)]
    return [_warning(name, known=known) for name in unknown]


def log_warnings() -> None:
    """Log what is set without effect, and what is hardly meant. Commands say it as a check does."""
    for text in [*warnings(os.environ), *checks.warnings(current())]:
        logger.warning("%s", text)


def _warning(name: str, *, known: set[str]) -> str:
    if name in RENAMED:
        return f"{name} has no effect: it is called {RENAMED[name]} now"
    plain = name.removesuffix(fields.FILE_SUFFIX)
    if plain in known:
        return f"{name} has no effect: {plain} is no secret, so it is not read from a file"
    by_rest = {_rest(each): each for each in sorted(known)}
    nearest = get_close_matches(_rest(name), by_rest, n=1, cutoff=_CUTOFF)
    advice = f"did you mean {by_rest[nearest[0]]}?" if nearest else "README.md lists every variable"
    return f"{name} has no effect: no setting is called that; {advice}"


def _rest(name: str) -> str:
    """The name without the prefix that it shares with all others."""
    return name.removeprefix(PREFIX).removeprefix("DJANGO_")
