"""The tools that an agent is offered: those that its worker is permitted and its task names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reliability.failures import PermanentFailure
from workers import tools
from workers.tools import Tool


@dataclass(frozen=True)
class Toolbox:
    """Tools by the name that the model knows them under (`tools.model_names`)."""

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
        names = tools.model_names()
        return cls({names[tool.name]: tool for tool in chosen if tool.name in permitted})

    def find(self, name: str, *, kept: str | None = None) -> Tool | None:
        """The tool that a model calls by this name. `kept` is the tool that was offered under it when the
        model called; empty if none was, None if nobody kept that."""
        if kept is None:
            return self.by_name.get(name)
        return next((tool for tool in self.by_name.values() if tool.name == kept), None)

    @property
    def tool_names(self) -> dict[str, str]:
        """The registered names, by those that the model knows."""
        return {name: tool.name for name, tool in self.by_name.items()}

    @property
    def offered(self) -> list[dict[str, Any]]:
        """The tools as an OpenAI-compatible API takes them."""
        return [
            {"type": "function", "function": tool.describe() | {"name": name}}
            for name, tool in self.by_name.items()
        ]


def _covers(pattern: str, name: str) -> bool:
    return pattern == name or (pattern.endswith(".*") and name.startswith(pattern[:-1]))
