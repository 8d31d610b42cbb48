"""Why is this task not running? One sentence that an operator can act on.

Pure: it is told the rows, and asks nobody. The first reason that would stop the task is the answer,
because mending a later one would change nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from governance.budgets import BudgetBalance
from governance.models import Fleet, Task, Worker, WorkerProcess
from governance.models.budget import FLEET
from governance.tasks.transitions import DEPENDENCIES, INPUTS
from governance.tasks.waits import Wait, WaitKind
from governance.units import words

# A process says every 2 s that it lives; its leases end 8 s after the last time.
ALIVE_WITHIN = timedelta(seconds=10)
SUSPECT_CRASHES = 2


def is_alive(process: WorkerProcess, *, now: datetime) -> bool:
    """Whether the process was heard of lately enough to hold leases."""
    return now - process.last_seen <= ALIVE_WITHIN


def not_running(
    task: Task,
    *,
    worker: Worker | None,
    processes: Sequence[WorkerProcess],
    unmet: Sequence[Task],
    now: datetime,
    fleet: Fleet | None = None,
    standing: Sequence[BudgetBalance] = (),
) -> str:
    """The sentence; empty for a task that runs as it should, or has ended.

    `worker` is the assigned one if it exists, `processes` are those that serve it, `unmet` are the
    tasks it depends on that have not completed, `fleet` says whether all workers are paused, `standing` how
    the budgets of its next call stand.
    """
    alive = [process for process in processes if is_alive(process, now=now)]
    match task.status:
        case Task.Status.PENDING:
            return _fleet(fleet) or _pending(task, worker, alive, now)
        case Task.Status.PARKED | Task.Status.WAITING_APPROVAL if task.wait:
            return waiting(Wait.from_json(task.wait), standing=standing, now=now)
        case Task.Status.PARKED:
            return _parked(task, unmet)
        case Task.Status.WAITING_APPROVAL:
            return f"It waits for {task.waiting_for or 'a person to approve it'}."
        case Task.Status.IN_PROGRESS:
            return _in_progress(task, alive, now)
    return ""


def waiting(wait: Wait, *, standing: Sequence[BudgetBalance] = (), now: datetime) -> str:
    """What a task waits for, and what would end that."""
    return f"It waits: {wait.sentence.rstrip('.')}. {_END[wait.kind](wait, standing, now)}"


def _end_of_breaker(wait: Wait, standing: Sequence[BudgetBalance], now: datetime) -> str:
    if wait.until is None:
        return f"Not before an operator acts: manage.py reset_breaker {wait.name}"
    return (
        f"Its next probe is {_when(wait.until, now)}; when the service has recovered, tasks return a few"
        " at a time."
    )


def _end_of_budget(wait: Wait, standing: Sequence[BudgetBalance], now: datetime) -> str:
    mine = [w for w in standing if w.scope == wait.name and w.free_usd is not None]
    tightest = min(mine, key=lambda w: w.free_usd or 0, default=None)
    left = f" now has {_plain(tightest.free_usd)} USD left" if tightest else " has no limit now"
    needed = "" if wait.amount_usd is None else f", the call needs at least {_plain(wait.amount_usd)} USD"
    turns = f", or when its {wait.window} ends {_when(wait.until, now)}" if wait.until else ""
    raising = "" if wait.name.startswith("task:") else f" (manage.py set_budget {wait.name})"
    scope = "Its envelope" if wait.name.startswith("task:") else f"The budget {wait.name}"
    return (
        f"{scope}{left}{needed}. It goes on when the limit is raised{raising}, when held money is freed"
        f"{turns}."
    )


def _end_of_pause(wait: Wait, standing: Sequence[BudgetBalance], now: datetime) -> str:
    return f"It goes on when that ends: manage.py resume {'--fleet' if wait.name == FLEET else wait.name}"


def _end_of_rate_limit(wait: Wait, standing: Sequence[BudgetBalance], now: datetime) -> str:
    return f"It goes on {_when(wait.until, now)}." if wait.until else "The next sweep lets it try again."


def _end_of_quota(wait: Wait, standing: Sequence[BudgetBalance], now: datetime) -> str:
    anew = f"when the quota resets {_when(wait.until, now)}, or " if wait.until else ""
    return f"It goes on {anew}when its permission {wait.name} is changed (manage.py grant)."


def _end_of_approval(wait: Wait, standing: Sequence[BudgetBalance], now: datetime) -> str:
    expiry = f" The question expires {_when(wait.until, now)}." if wait.until else ""
    return f"Decide with manage.py approve {wait.name} (--reject refuses it).{expiry}"


def _end_of_children(wait: Wait, standing: Sequence[BudgetBalance], now: datetime) -> str:
    return "It goes on by itself when they have come further; look at its children for what keeps them."


_END = {
    WaitKind.BREAKER: _end_of_breaker,
    WaitKind.BUDGET: _end_of_budget,
    WaitKind.PAUSE: _end_of_pause,
    WaitKind.RATE_LIMIT: _end_of_rate_limit,
    WaitKind.QUOTA: _end_of_quota,
    WaitKind.LOCK: _end_of_rate_limit,
    WaitKind.APPROVAL: _end_of_approval,
    WaitKind.CHILDREN: _end_of_children,
}


def _plain(amount_usd: Decimal | None) -> str:
    return f"{(amount_usd or Decimal(0)).normalize():f}"


def _when(moment: datetime, now: datetime) -> str:
    if moment <= now:
        return "with the next sweep"
    return f"in {words(moment - now)}, at {moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _fleet(fleet: Fleet | None) -> str:
    if fleet is None or fleet.status == Fleet.Status.ACTIVE:
        return ""
    who = f" by {fleet.paused_by}" if fleet.paused_by else ""
    why = f" ({fleet.reason})" if fleet.reason else ""
    return f"The fleet is paused{who}{why}; it runs when that ends: manage.py resume --fleet"


def _pending(task: Task, worker: Worker | None, alive: Sequence[WorkerProcess], now: datetime) -> str:
    name = task.assigned_worker
    if worker is None:
        return f"Its worker {name} is not in the worker registry: nobody will ever take it."
    if task.deadline and task.deadline <= now:
        return f"Its deadline passed {words(now - task.deadline)} ago; the watchdog's next sweep fails it."
    if worker.status == Worker.Status.PAUSED:
        return f"Its worker {name} is paused; it runs when {name} is resumed."
    if not alive:
        return f"No process of {name} is alive; start one with: manage.py run_workers {name}"
    if task.run_after > now:
        return _not_due(task, now)
    return _in_line(task, worker, alive, now)


def _not_due(task: Task, now: datetime) -> str:
    due = f"It is due in {words(task.run_after - now)}, at {task.run_after:%Y-%m-%d %H:%M:%S} UTC"
    if task.error_attempts:
        return f"{due}: attempt {task.attempts} failed, and it waits before the next."
    return f"{due}."


def _in_line(task: Task, worker: Worker, alive: Sequence[WorkerProcess], now: datetime) -> str:
    name = worker.worker_id
    running = [process for process in alive if process.state == WorkerProcess.State.RUNNING]
    if not running:
        return f"Every process of {name} is shutting down; it runs when one has been started."
    if task.crash_attempts >= SUSPECT_CRASHES:
        return (
            f"Its process died under it {task.crash_attempts} times: such tasks run one at a time in each "
            "process, and it waits for its turn."
        )
    waited = f"due for {words(now - task.run_after)}"
    slots = worker.max_concurrency * len(running)
    if sum(process.in_flight for process in running) >= slots:
        return (
            f"It is {waited}: all {slots} slots of {name} are taken. Raise max_concurrency or add processes."
        )
    return f"It is {waited} and stands in line; {name} takes its tasks by priority and age."


def _parked(task: Task, unmet: Sequence[Task]) -> str:
    if task.waiting_for == INPUTS:
        return _inputs(unmet)
    if task.waiting_for != DEPENDENCIES:
        return f"It is parked and waits for {task.waiting_for}."
    if not unmet:
        return "All tasks it depends on have completed; the watchdog's next sweep releases it."
    ended = [other for other in unmet if other.is_terminal]
    if ended:
        return (
            f"It waits for {_tasks(len(unmet))}, of which {len(ended)} ended without success: "
            f"{_names(ended)}. It will not start unless they are retried."
        )
    return f"It waits for {_tasks(len(unmet))}: {_names(unmet)}."


def _inputs(unmet: Sequence[Task]) -> str:
    """A step that its workflow releases: when all before it have ended, whatever the way."""
    live = [other for other in unmet if not other.is_terminal]
    if live:
        return f"It waits for the steps before it to end: {_names(live)}."
    return (
        "The steps before it have ended. Its workflow gives it its inputs next; if that has ended itself, "
        "retry the workflow."
    )


def _in_progress(task: Task, alive: Sequence[WorkerProcess], now: datetime) -> str:
    if task.lease_expires_at and task.lease_expires_at < now:
        silent = words(now - task.lease_expires_at)
        return f"Its process died or froze: its lease ran out {silent} ago. The next sweep requeues it."
    if not any(process.process_id == task.lease_owner for process in alive):
        return (
            "The process that holds it has not been heard of lately; if its lease runs out, it is given back."
        )
    return ""


def _tasks(count: int) -> str:
    return "one task" if count == 1 else f"{count} tasks"


def _names(tasks: Sequence[Task], *, shown: int = 3) -> str:
    named = ", ".join(f"{task.title or task.task_type} ({task.status})" for task in tasks[:shown])
    return named if len(tasks) <= shown else f"{named} and {len(tasks) - shown} more"
