"""The row that health writes, to know that the database can be written."""

from django.db import models
from django.db.models.functions import Now


class HealthProbe(models.Model):
    """Written by `/health` and `/health/ready`, at most once a second (`health_probes`).

    A PostgreSQL that answers a query may still be read-only, or out of disk. `written_at` is the last time
    that it was neither.
    """

    name = models.CharField(max_length=40, primary_key=True)
    written_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "health_probes"

    def __str__(self) -> str:
        return f"{self.name}, written at {self.written_at:%Y-%m-%d %H:%M:%S}"
