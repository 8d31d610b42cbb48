"""The request log of the simulator, in order, with what it did about each."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson


class RequestLog:
    """Kept in memory for the control endpoint, and in a file of JSON lines if one is named."""

    def __init__(self, file: Path | None = None) -> None:
        self.entries: list[dict[str, Any]] = []
        self._file = file

    def note(self, *, path: str, headers: dict[str, str], body: Any, answered: str, number: int) -> None:
        """One request. `answered` is `answer`, or the kind of the fault. Keys are not kept."""
        entry = {
            "at": datetime.now(UTC).isoformat(),
            "number": number,
            "path": path,
            "headers": {name: value for name, value in headers.items() if name != "authorization"},
            "body": body,
            "answered": answered,
        }
        self.entries.append(entry)
        if self._file is not None:
            with self._file.open("ab") as file:
                file.write(orjson.dumps(entry) + b"\n")

    def clear(self) -> None:
        self.entries.clear()
