"""Checkpoints of a task: work that is not repeated or paid for twice."""

from typing import ClassVar

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now

from governance.models.json_field import JsonField
from governance.models.task import Task


class TaskStep(models.Model):
    """One finished step of a task that works in steps (`task_steps`), stored as it ends.

    `turn` counts from 1. `call` 0 is the model's answer of that turn, `call` n the result of the n-th
    call that it asked for. A `stop` is where reliability ended the work for a reason of its own
    (`content.reason`): limits count from the last one on. `content` is JSON as the task type wrote it.

    The row of a call is written in the transaction that books the call, under the lease of who made
    it: who lost the task stores nothing.
    """

    class Kind(models.TextChoices):
        ANSWER = "answer"
        RESULT = "result"
        STOP = "stop"

    id = models.BigAutoField(primary_key=True)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="finished_steps", db_index=False)
    turn = models.IntegerField()
    call = models.IntegerField(db_default=0)
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=200, db_default="")
    content = JsonField()
    execution_id = models.UUIDField(null=True)
    cost_usd = models.DecimalField(max_digits=18, decimal_places=9, db_default=Value(0))
    seconds = models.FloatField(db_default=0.0)
    attempt = models.IntegerField(db_default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "task_steps"
        constraints: ClassVar = [
            # A finished step is stored once, whoever brings it how often. Read by the resuming task, too.
            models.UniqueConstraint("task", "turn", "call", name="step_once"),
            models.CheckConstraint(
                name="step_kind_known", condition=Q(kind__in=["answer", "result", "stop"])
            ),
            models.CheckConstraint(
                name="step_place",
                condition=Q(turn__gte=1)
                & (Q(kind="answer", call=0) | Q(kind="result", call__gte=1) | Q(kind="stop", call=-1)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task_id}, turn {self.turn}.{self.call}: {self.kind}"
