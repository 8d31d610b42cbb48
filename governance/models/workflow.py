"""The steps of workflows: which child task is which step, and what its failure means."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.models.task import Task


class WorkflowStep(models.Model):
    """The step `name` of `workflow` is the work of `task`, one of its children (`workflow_steps`).

    All rows of a workflow are made in one transaction with their tasks, once: `workflow_step_once` makes
    sure. `needs_inputs`: the step is released by its workflow, which fills in its payload or lets it run
    after a failure, and not by the completion of what it depends on. `is_fed`: that has been done.
    `is_skipped`: it was cancelled because of a step before it, so its own `on_failure` does not matter.
    """

    task = models.OneToOneField(Task, on_delete=models.CASCADE, primary_key=True, related_name="step")
    workflow = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="steps", db_index=False)
    name = models.CharField(max_length=64)
    position = models.IntegerField()
    on_failure = models.CharField(max_length=10, db_default="fail")
    needs_inputs = models.BooleanField(db_default=False)
    is_fed = models.BooleanField(db_default=False)
    is_skipped = models.BooleanField(db_default=False)

    class Meta:
        db_table = "workflow_steps"
        constraints: ClassVar = [
            # A workflow is expanded once; its index is also the one by which its steps are found.
            models.UniqueConstraint(fields=["workflow", "name"], name="workflow_step_once"),
            models.CheckConstraint(
                name="workflow_step_on_failure_known",
                condition=Q(on_failure__in=["fail", "skip", "continue", "retry"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.workflow_id}"
