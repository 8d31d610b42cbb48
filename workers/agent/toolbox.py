"""The tools that an agent is offered: those that its worker is permitted and its task names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reliability.failures import PermanentFailure
from workers import tools
from workers.tools import Tool


@dataclass(frozen=True)
class Toolbox:
    """Tools by the name that the model knows them under: providers allow no dots."""

    by_name: dict[str, Tool]

    @classmethod
    def of(cls, worker_id: str, wanted: Sequence[str] | None) -> "Toolbox":
        """What this worker may use now, of those that are `wanted` (none: all). Reads the permissions.

        Raises `PermanentFailure` for a name that no tool has.
        """
        known, permitted = tools.known(), {tool.name for tool in tools.offered_to(worker_id)}
        for name in wanted or ():
            if not any(_covers(name, tool.name) for tool in known):
                listed = ", ".join(tool.name for tool in known)
                raise PermanentFailure(
                    f"payload.tools: no tool is called {name!r}; expected some of: {listed}"
                )
        chosen = [t for t in known if wanted is None or any(_covers(name, t.name) for name in wanted)]
        return cls({tool.name.replace(".", "_"): tool for tool in chosen if tool.name in permitted})

    def find(self, name: str) -> Tool | None:
        return self.by_name.get(name)

    @property
    def offered(self) -> list[dict[str, Any]]:
        """The tools as an OpenAI-compatible API takes them."""
        return [
            {"type": "function", "function": tool.describe() | {"name": name}}
            for name, tool in self.by_name.items()
        ]


def _covers(pattern: str, name: str) -> bool:
    return pattern == name or (pattern.endswith(".*") and name.startswith(pattern[:-1]))
