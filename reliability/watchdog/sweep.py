"""One sweep of the watchdog: its duties, one after the other, and the row that says what they did."""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django_q.models import Schedule

from governance import budgets, retention
from governance.access import approvals, permissions, tool_executions
from governance.db import errors as db_errors
from governance.db import locks, notifications
from governance.tasks import transitions
from governance.tasks.transitions.types import Transition
from governance.workers import heartbeats
from reliability import redrives
from reliability.breakers import services as breakers
from reliability.dead_letters import triage
from reliability.models import WatchdogSweep
from reliability.watchdog import schedules, slow_start

logger = logging.getLogger(__name__)

# Counts what it did; says none if it was not its turn.
Duty = Callable[[datetime], int | None]
# The rule of retention for the sweeps' own rows.
SWEEPS = "sweeps"
# How much of a sweep may go into removing what is older than its rule: a tenth of the time between two.
RETENTION_SECONDS = 0.5
# How long a statement of a duty waits for a lock: half as long after each that did so in vain.
PATIENCE_SECONDS = 1.0
PATIENCE_LEAST = 0.1
# A duty with more to do than this goes on in the next sweep: no duty may starve the others.
BATCH = 1000
BATCHES = 10
# The part of each minute in which a sweep also checks the books: one sweep falls into it.
BOOKS_SECONDS = 5
SCHEDULE = "watchdog"


def run(duties: Mapping[str, Duty], *, leader: str) -> WatchdogSweep:
    """Do every duty, whatever becomes of the one before it, and record what each did.

    Raises what `outages.is_unavailable` knows when the database went away; nothing is recorded then.
    """
    started_at, began = timezone.now(), time.monotonic()
    counts: dict[str, int] = {}
    errors = []
    patience = PATIENCE_SECONDS
    for name, duty in duties.items():
        try:
            with locks.wait_at_most(patience):
                count = duty(started_at)
            if count is not None:
                counts[name] = count
        except Exception as error:
            if db_errors.is_unavailable(error):
                raise
            if locks.is_timeout(error):
                patience = max(PATIENCE_LEAST, patience / 2)
                logger.warning("watchdog duty %r is left for the next sweep: somebody holds a lock", name)
            else:
                logger.exception("watchdog duty %r failed", name)
            errors.append(f"{name}: {error}")
    _say(counts)
    return WatchdogSweep.objects.create(
        started_at=started_at,
        leader=leader,
        duration_ms=round((time.monotonic() - began) * 1000),
        counts=counts,
        error="\n".join(errors),
    )


def register(name: str, duty: Duty) -> None:
    """Have every sweep do this duty, too, as the last: for those above, who may import us and not we them.

    Like the others it needs a permission of its own, and must be safe to do twice.
    """
    if DUTIES.setdefault(name, duty) is not duty:
        raise ValueError(f"the watchdog has a duty {name!r} already")


def tool_name(duty: str) -> str:
    """The name under which the watchdog's permission for a duty stands: `watchdog.rescued`."""
    return f"watchdog.{duty.replace(' ', '_')}"


def _say(counts: Mapping[str, int]) -> None:
    done = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    if done:
        logger.info("watchdog sweep: %s", done)


# Processes whose rows somebody had locked at the last sweep: they may be silent for that reason alone.
_locked_lately: set[UUID] = set()


def rescue_crashed(now: datetime) -> int:
    """Tasks whose process died or froze go back to the queue, or fail after their third crash.

    A lease that ran out because somebody had locked its row is extended once, for its process to renew it.
    """
    global _locked_lately
    locked = heartbeats.locked_processes()
    unsure, _locked_lately = [*locked | _locked_lately], locked
    transitions.extend_unrenewed(unsure=unsure)
    return _in_batches(partial(transitions.take_back, unsure=unsure)) + _in_batches(
        partial(transitions.rescue, unsure=unsure)
    )


def expire_overdue(now: datetime) -> int:
    """Tasks whose deadline passed while they waited fail."""
    return _in_batches(transitions.expire)


def release_dependents(now: datetime) -> int:
    """Tasks whose dependencies have all completed go to the queue, if their completion missed them."""
    return _in_batches(transitions.release_dependents)


def wake_workflows(now: datetime) -> int:
    """Workflows whose steps have come further go on, if the end of the step missed them."""
    return _in_batches(transitions.wake_workflows)


def release_unpaused(now: datetime) -> int:
    """Tasks that wait for a pause to end go back to the queue when it was ended in SQL."""
    return _in_batches(transitions.release_unpaused)


def release_expired_waits(now: datetime) -> int:
    """Tasks that wait for a rate limit or a quota go back to the queue when it resets."""
    return _in_batches(transitions.release_expired_waits)


def release_decided(now: datetime) -> int:
    """Tasks whose approval was decided in SQL, has expired or is gone go back to the queue."""
    return _in_batches(transitions.release_decided)


def notify_stale_queues(now: datetime) -> int:
    """Workers whose due work nobody takes are rung for: counts those workers."""
    return notifications.notify_stale_queues()


def forget_silent_processes(now: datetime) -> int:
    """Processes that say nothing any more are no longer listed as living."""
    return heartbeats.forget_silent_processes()


def expire_holds(now: datetime) -> int:
    """Money that was held for calls nobody came back from is charged in full."""
    return budgets.expire_holds(limit=BATCH)


def reconcile_ledger(now: datetime) -> int | None:
    """Windows and ledger of the current days agree; counts what does not. Once a minute: it reads a lot."""
    if now.second >= BOOKS_SECONDS:
        return None
    found = budgets.discrepancies(since=now)
    for discrepancy in found:
        logger.error("the books do not balance: %s", discrepancy)
    return len(found)


def keep_schedule(now: datetime) -> int:
    """django-q2's schedule of the watch exists, once; see `reliability.watchdog.loop`."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"schedule {SCHEDULE}"])
        _, is_new = Schedule.objects.get_or_create(
            name=SCHEDULE,
            defaults={
                "func": "reliability.watchdog.loop.watch",
                "schedule_type": Schedule.MINUTES,
                "minutes": 1,
                "repeats": -1,
                "cluster": "watchdog",
                "next_run": now,
            },
        )
    return int(is_new)


def forget_sweeps(now: datetime) -> int:
    """Rows of sweeps older than their rule says (a day) are deleted."""
    before = retention.cutoff(SWEEPS, now)
    return WatchdogSweep.objects.filter(started_at__lt=before).delete()[0] if before else 0


def apply_retention(now: datetime) -> int:
    """What is older than its rule goes, for half a second of each sweep; see `governance.retention`."""
    return retention.run_slice(now=now, seconds=RETENTION_SECONDS)


def _in_batches(edge: Callable[..., list[Transition]]) -> int:
    """Apply an edge until nothing is left that it could move, and wake the workers of what became ready."""
    total = 0
    for _ in range(BATCHES):
        moved = edge(limit=BATCH)
        notifications.notify_workers(row.worker_id for row in moved if row.status == "pending")
        total += len(moved)
        if len(moved) < BATCH:
            break
    return total


DUTIES: dict[str, Duty] = {
    "rescued": rescue_crashed,
    "expired": expire_overdue,
    "released": release_dependents,
    "redriven": redrives.advance,
    "expired holds": expire_holds,
    "unbalanced": reconcile_ledger,
    "reopened": triage.end_ignoring,
    "rung": notify_stale_queues,
    "forgotten processes": forget_silent_processes,
    "scheduled": keep_schedule,
    "forgotten sweeps": forget_sweeps,
    "forgotten uses": permissions.forget_uses,
    "lapsed approvals": approvals.expire,
    "lost calls": tool_executions.give_up_lost,
    "breakers": breakers.maintain,
    # After what ends approvals, holds and breakers' waits, so that it is seen in the same sweep.
    "unpaused": release_unpaused,
    "waited out": release_expired_waits,
    "decided": release_decided,
    "afforded": slow_start.release_affordable,
    "recovered": slow_start.release_recovered,
    # After what fails steps and releases others.
    "woken": wake_workflows,
    "recurring": schedules.dispatch_due,
    # Last: everything else is more urgent.
    "retention": apply_retention,
}
