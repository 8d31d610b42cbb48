"""The rules: how long each kind of row is kept, and the verb that changes it."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from governance.access.actors import Actor
from governance.audit import log as audit
from governance.errors import FieldError, InvalidInput, RetentionRuleNotFound
from governance.models import RetentionRule

PERMISSION = "governance.change_retentionrule"
VIEW = "governance.view_retentionrule"
_LONGEST_DAYS = 36_500

Cutoffs = Mapping[str, datetime | None]


def cutoffs(now: datetime, *, older_than: timedelta | None = None) -> Cutoffs:
    """By rule, the moment before which its rows may go; None is never.

    A rule whose row somebody has deleted lets nothing go. `older_than` takes the place of every rule's days,
    but for those that keep for ever, and never below what reliability needs.
    """
    known = {rule.name: _cutoff(rule, now, older_than) for rule in RetentionRule.objects.all()}
    return defaultdict(lambda: None, known)


def cutoff(name: str, now: datetime) -> datetime | None:
    """The same of one rule; None also if there is no such rule."""
    rule = RetentionRule.objects.filter(pk=name).first()
    return _cutoff(rule, now, None) if rule else None


def _cutoff(rule: RetentionRule, now: datetime, older_than: timedelta | None) -> datetime | None:
    if rule.keep_days is None:
        return None
    kept = timedelta(days=rule.keep_days) if older_than is None else older_than
    return now - max(kept, timedelta(days=rule.least_days))


def known(*, actor: Actor) -> list[RetentionRule]:
    """All rules by name. Needs `governance.view_retentionrule`."""
    actor.require(VIEW)
    return list(RetentionRule.objects.all())


def keep(name: str, *, days: int | None, actor: Actor, reason: str) -> RetentionRule:
    """Keep these rows for so many days, or for ever (None); binds at the next step.

    Raises `RetentionRuleNotFound`, `InvalidInput` that names the wrong field, and `Forbidden`.
    """
    actor.require(PERMISSION)
    rule = RetentionRule.objects.filter(pk=name).first()
    if rule is None:
        raise RetentionRuleNotFound(name, list(RetentionRule.objects.values_list("pk", flat=True)))
    if errors := _flaws(rule, days, reason):
        raise InvalidInput(errors)
    with audit.acting(actor, verb="keep", reason=reason):
        rule.keep_days = days
        rule.save(update_fields=["keep_days"])
    return rule


def _flaws(rule: RetentionRule, days: int | None, reason: str) -> list[FieldError]:
    flaws = []
    if days is not None and not rule.least_days <= days <= _LONGEST_DAYS:
        flaws.append(FieldError("keep_days", f"{rule.least_days} to {_LONGEST_DAYS} days are expected"))
    if not reason.strip():
        flaws.append(FieldError("reason", "say why: what is removed does not come back"))
    return flaws
