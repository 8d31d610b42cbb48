"""Clients of the API: the tokens that they show."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from governance.models.defaults import SqlUser, TimeOrderedId


class ApiToken(models.Model):
    """What a client shows to use the API; the token itself is kept nowhere.

    It may do what its owner may and its scopes allow (`governance/access/scopes.py`), until it expires or is
    revoked, which removes the row. `hint` is how the token begins, so that it is known again.
    `last_used_at` may be a minute old.
    """

    id = models.UUIDField(primary_key=True, db_default=TimeOrderedId(), editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    note = models.CharField(max_length=200, blank=True, db_default="")
    hint = models.CharField(max_length=16)
    digest = models.CharField(max_length=128, unique=True)
    scopes = ArrayField(models.CharField(max_length=64))
    created_by = models.CharField(max_length=160, db_default=SqlUser())
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "api_tokens"
        verbose_name = "token"
        constraints: ClassVar = [
            # An empty list would be read as "nothing" by one and as "everything" by another.
            models.CheckConstraint(condition=models.Q(scopes__len__gt=0), name="api_token_has_scopes"),
        ]

    def __str__(self) -> str:
        return f"{self.hint}… of {self.owner}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()
