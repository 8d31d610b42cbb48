"""The rows of governance: tasks and what happened to them, workers and their processes."""

from governance.models.approval import Approval
from governance.models.audit import AuditEntry
from governance.models.budget import BudgetHold, BudgetWindow, CostLine, ModelPrice, WorkerBudget
from governance.models.cost import CostHour, TaskCost
from governance.models.dead_letter import DeadLetter, FailureHour, FailureSignature
from governance.models.event import LateResult, TaskEvent
from governance.models.permission import PermissionUse, ToolPermission
from governance.models.rate_limit import RateLimit
from governance.models.recurring import RecurringRun, RecurringTask
from governance.models.retention import RetentionRule, RetentionWalk
from governance.models.step import TaskStep
from governance.models.task import Task, TaskDependency
from governance.models.tool_execution import ToolExecution
from governance.models.worker import Fleet, Worker, WorkerProcess
from governance.models.workflow import WorkflowStep

__all__ = [
    "Approval",
    "AuditEntry",
    "BudgetHold",
    "BudgetWindow",
    "CostHour",
    "CostLine",
    "DeadLetter",
    "FailureHour",
    "FailureSignature",
    "Fleet",
    "LateResult",
    "ModelPrice",
    "PermissionUse",
    "RateLimit",
    "RecurringRun",
    "RecurringTask",
    "RetentionRule",
    "RetentionWalk",
    "Task",
    "TaskCost",
    "TaskDependency",
    "TaskEvent",
    "TaskStep",
    "ToolExecution",
    "ToolPermission",
    "Worker",
    "WorkerBudget",
    "WorkerProcess",
    "WorkflowStep",
]
