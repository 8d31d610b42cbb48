"""Tool permissions of workers, and the counted uses of their quotas."""

import re
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.models.defaults import SqlUser

# A name, or the beginning of names: `http.request`, `http.*`.
TOOL_NAME = r"^[^*\s]+(\.\*)?$"
MAX_TOOL_NAME = 200


class ToolPermission(models.Model):
    """What a worker may call, or must not (`worker_tool_permissions`). No row means no; deny wins.

    `tool_name` is exact, or `prefix.*`. Among rows that allow, the exact one decides, then the longest
    prefix; its quotas count all the calls that it allows. A row counts from `valid_from` (null: at once)
    until just before `valid_until` (null: without end). Days and minutes are those of the clock, in UTC.
    """

    class Effect(models.TextChoices):
        ALLOW = "allow"
        DENY = "deny"

    id = models.BigAutoField(primary_key=True)
    worker_id = models.CharField(max_length=64)
    tool_name = models.CharField(max_length=MAX_TOOL_NAME)
    effect = models.CharField(max_length=10, choices=Effect, db_default=Effect.ALLOW)
    max_calls_per_day = models.IntegerField(null=True, blank=True)
    max_calls_per_minute = models.IntegerField(null=True, blank=True)
    requires_approval = models.BooleanField(db_default=False)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    granted_by = models.CharField(max_length=160, db_default=SqlUser())
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "worker_tool_permissions"
        permissions: ClassVar = [("grant_toolpermission", "Can grant and revoke tool permissions")]
        constraints: ClassVar = [
            # One row says it; its index is what every check reads.
            models.UniqueConstraint("worker_id", "tool_name", "effect", name="tool_permission_once"),
            models.CheckConstraint(name="tool_permission_effect", condition=Q(effect__in=["allow", "deny"])),
            models.CheckConstraint(
                name="tool_permission_name_or_prefix", condition=Q(tool_name__regex=TOOL_NAME)
            ),
            models.CheckConstraint(
                name="tool_permission_quota_positive",
                condition=(
                    (Q(max_calls_per_day__isnull=True) | Q(max_calls_per_day__gte=0))
                    & (Q(max_calls_per_minute__isnull=True) | Q(max_calls_per_minute__gte=0))
                ),
            ),
            models.CheckConstraint(
                name="tool_permission_begins_before_it_ends",
                condition=Q(valid_from__isnull=True)
                | Q(valid_until__isnull=True)
                | Q(valid_from__lt=F("valid_until")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.effect} {self.worker_id} {self.tool_name}"

    @staticmethod
    def flaw_in_name(tool_name: str) -> str | None:
        """Why this cannot be the name in a permission, or None."""
        if len(tool_name) > MAX_TOOL_NAME or not re.fullmatch(TOOL_NAME, tool_name):
            return (
                f"a name as in http.request, or a prefix as in http.*, of at most {MAX_TOOL_NAME} characters"
            )
        return None


class PermissionUse(models.Model):
    """How many calls a permission allowed in one day or minute: one row for each, made by its first call.

    It goes by the permission's worker and name, so that granting anew does not begin the day anew.
    """

    pk = models.CompositePrimaryKey("worker_id", "tool_name", "span", "starts_at")
    worker_id = models.CharField(max_length=64)
    tool_name = models.CharField(max_length=MAX_TOOL_NAME)
    span = models.CharField(max_length=10)
    starts_at = models.DateTimeField()
    calls = models.IntegerField()

    class Meta:
        db_table = "worker_tool_permission_uses"
        constraints: ClassVar = [
            models.CheckConstraint(name="permission_use_span", condition=Q(span__in=["day", "minute"])),
            models.CheckConstraint(name="permission_use_positive", condition=Q(calls__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.calls} of {self.worker_id} {self.tool_name} in the {self.span} of {self.starts_at}"
