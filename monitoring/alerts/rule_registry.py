"""The registry of alert rules, and their findings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from monitoring.models import AlertRule

MAX_SUBJECT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`subject` is what it is about: with its rule it names one alert. `said` is a sentence for whoever is
    woken by it, `remedy` a command; `value` is what was measured, in the rule's unit."""

    subject: str
    said: str
    remedy: str
    value: float
    evidence: dict[str, Any] = field(default_factory=dict)


# None: it cannot be known now. What is open stays open then.
Found = list[Finding] | None
Look = Callable[[AlertRule], Found]


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` is its row's. One that `judges_silence` is asked only by who was in touch with the database for
    as long as its threshold: after an outage or a night switched off, everybody seems to have been silent."""

    name: str
    look: Look
    judges_silence: bool = False


RULES: dict[str, Rule] = {}


def rule(name: str, *, judges_silence: bool = False) -> Callable[[Look], Look]:
    """Register a function as the look of the rule of this name."""

    def register(look: Look) -> Look:
        RULES[name] = Rule(name, look, judges_silence)
        return look

    return register
