"""Counts that the database keeps of what happened: true for all processes, whichever of them have died."""

from typing import ClassVar

from django.db import models


class Tally(models.Model):
    """How often something happened (`metric_tallies`): written by triggers, in the transaction that did it.

    `kind` transition: a task went from `first` to `second`, and `worker` did it ('' for people and the
    machinery). `kind` call: a call of the service `first` ended as `second`; `seconds` is how long such calls
    took together. A count is the sum of its rows: each transaction counts in the rows of a `slot` that it
    has for itself until it ends, so nobody waits for anybody, and two cannot wait in a circle.
    """

    pk = models.CompositePrimaryKey("kind", "first", "second", "worker", "slot")
    kind = models.CharField(max_length=20)
    first = models.CharField(max_length=100)
    second = models.CharField(max_length=100)
    worker = models.CharField(max_length=64)
    slot = models.IntegerField()
    count = models.BigIntegerField()
    seconds = models.FloatField(db_default=0.0)

    class Meta:
        db_table = "metric_tallies"
        verbose_name_plural = "tallies"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="tally_kind_known", condition=models.Q(kind__in=["transition", "call"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.first} {self.second} {self.worker}: {self.count}"
