"""The simulated provider as a process of its own, and what tests ask of it."""

import re
from pathlib import Path
from typing import Any

import httpx

from tests.polling import until
from tests.reliability.processes import Program

USER = [{"role": "user", "content": "How are you?"}]


class Provider:
    """`manage.py simulate_provider` on a port of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = ["manage.py", "simulate_provider", "--port", "0", *arguments]
        self.program = Program(command, folder=folder)
        found = until(lambda: re.search(r"(http://127\.0\.0\.1:\d+)/v1", self.program.said()), timeout=60)
        self.root = found[1]
        self.url = f"{self.root}/v1"

    def tell(self, **plan: Any) -> httpx.Response:
        """Change what it does; what is not named stays as it is."""
        return httpx.post(f"{self.root}/_simulator/faults", json=plan)

    def reset(self) -> None:
        """As it was when it started, and with an empty log."""
        self.tell(faults=[], script=[], latency={"seconds": 0}).raise_for_status()
        httpx.delete(f"{self.root}/_simulator/requests").raise_for_status()

    def received(self) -> list[dict[str, Any]]:
        """What it was asked, with the bodies."""
        entries: list[dict[str, Any]] = self._log()["requests"]
        return entries

    def most_at_once(self) -> int:
        """How many calls it had in hand at the same time."""
        return int(self._log()["most_at_once"])

    def _log(self) -> dict[str, Any]:
        log: dict[str, Any] = httpx.get(f"{self.root}/_simulator/requests").json()
        return log

    def chat(self, messages: list[dict[str, Any]] | None = None, **body: Any) -> httpx.Response:
        """Ask it over plain HTTP, without any client of the product's."""
        asked = {"model": "openai/gpt-5-mini", "messages": USER if messages is None else messages} | body
        headers = {"Authorization": "Bearer a-key"}
        return httpx.post(f"{self.url}/chat/completions", json=asked, headers=headers, timeout=30)

    def end(self) -> None:
        self.program.end()
