"""The audit log: who did what to what, why, before and after, in the transaction that did it.

Tables whose changes matter carry a trigger (`audit_change`, migration 0010) that tells every change of
a row, also one typed into psql. So a service does not write the entry: it says, with `acting`, who acts,
what the change is called and why. `record` is for what no single row tells.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from governance.access.actors import Actor
from governance.models import AuditEntry

_SAY = """
SELECT set_config('juggernaut.actor', %(actor)s, true), set_config('juggernaut.verb', %(verb)s, true),
  set_config('juggernaut.reason', %(reason)s, true)"""


@contextmanager
def acting(actor: Actor, *, verb: str, reason: str = "") -> Iterator[None]:
    """A transaction in which every change of an audited row is told as `actor`'s, as `<kind>.<verb>`.

    What was said before holds again afterwards, also after an error: it belongs to the savepoint.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SAY, {"actor": actor.name, "verb": verb, "reason": reason})
        yield
        cursor.execute(_SAY, {"actor": "", "verb": "", "reason": ""})


def record(
    actor: Actor,
    *,
    action: str,
    target: str,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write an entry. Must be called in the transaction that runs the action: raises
    `TransactionManagementError` outside of one."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "an audit entry belongs into the transaction of its change"
        )
    return AuditEntry.objects.create(
        actor=actor.name, action=action, target=target[:300], reason=reason, before=before, after=after
    )
