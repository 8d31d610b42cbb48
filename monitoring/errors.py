"""Errors raised by monitoring services. Messages are safe to show to operators."""

from uuid import UUID

from governance.errors import GovernanceError


class AlertNotFound(GovernanceError):
    """There is no alert with this id."""

    def __init__(self, alert_id: UUID | str) -> None:
        super().__init__(f"no alert has the id {alert_id}")
        self.alert_id = alert_id


class AlertRuleNotFound(GovernanceError):
    """There is no rule of this name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"no alert rule has the name {name!r}; known: {', '.join(sorted(known))}")
        self.name = name


class AlertConflict(GovernanceError):
    """The alert stands so that the verb does nothing for it. `found` is how it stands."""

    def __init__(self, alert_id: UUID, verb: str, found: str) -> None:
        super().__init__(f"alert {alert_id} is {found}: there is nothing to {verb}")
        self.found = found
