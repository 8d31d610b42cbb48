"""Summaries of the ledger: what was spent in each hour, and by each task. The database keeps them."""

from typing import ClassVar

from django.db import models

from governance.models.budget import CostLine, usd


class CostHour(models.Model):
    """What one kind of call cost in one hour, UTC (`cost_hours`).

    Written by a trigger on the ledger, in the transaction that books the line: always the exact sum of the
    lines whose `created_at` lies in the hour. A correction counts in the hour of its call. `calls` are the
    lines that book a call, `lines` all of them. `task_type` is that of the task when its first line was
    booked ('' for what no task made).
    """

    pk = models.CompositePrimaryKey("hour", "worker_id", "service", "model", "task_type", "price_source")
    hour = models.DateTimeField()
    worker_id = models.CharField(max_length=64)
    service = models.CharField(max_length=100)
    model = models.CharField(max_length=200)
    task_type = models.CharField(max_length=100)
    price_source = models.CharField(max_length=20, choices=CostLine.Source)
    cost_usd = usd()
    calls = models.BigIntegerField()
    lines = models.BigIntegerField()

    class Meta:
        db_table = "cost_hours"

    def __str__(self) -> str:
        return f"{self.cost_usd} USD by {self.worker_id} in the hour of {self.hour:%Y-%m-%d %H:%M}"


class TaskCost(models.Model):
    """What one task cost (`task_costs`): the sum of its ledger lines, kept by the same trigger.

    It outlives the task, and remembers its type for the ledger. `first_at` and `last_at` are the times of
    its first and last call, `last_hour` is the hour of the last, UTC.
    """

    task_id = models.UUIDField(primary_key=True)
    task_type = models.CharField(max_length=100)
    cost_usd = usd()
    lines = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    last_hour = models.DateTimeField()

    class Meta:
        db_table = "task_costs"
        indexes: ClassVar = [
            # Read by the most expensive tasks of a span: the first few of each hour.
            models.Index("last_hour", models.F("cost_usd").desc(), name="task_cost_dearest"),
        ]

    def __str__(self) -> str:
        return f"{self.cost_usd} USD for task {self.task_id}"
