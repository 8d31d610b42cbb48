"""Audit entries: who changed what, why, and the values before and after."""

from typing import ClassVar

from django.db import models

from governance.models.defaults import SqlUser, StatementTime
from governance.models.json_field import JsonField


class AuditEntry(models.Model):
    """One change (`audit_log`), written in the transaction that made it; the database refuses to change or
    remove it.

    `action` is what was done (`permission.grant`; for a change made in SQL `permission.update`), `target`
    what it was done to. `before` and `after` are whole rows; null where there was none.
    """

    id = models.BigAutoField(primary_key=True)
    actor = models.CharField(max_length=160, db_default=SqlUser())
    action = models.CharField(max_length=100)
    target = models.CharField(max_length=300)
    reason = models.TextField(db_default="")
    before = JsonField(null=True)
    after = JsonField(null=True)
    created_at = models.DateTimeField(db_default=StatementTime())

    class Meta:
        db_table = "audit_log"
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [
            # Read by the history of one thing.
            models.Index(fields=["target", "-id"], name="audit_target"),
            # Read by the list of what one person did.
            models.Index(fields=["actor", "-id"], name="audit_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.target}"
