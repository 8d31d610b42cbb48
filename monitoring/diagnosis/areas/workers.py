"""Workers: who has processes that live, who is paused, and whose tasks nobody takes."""

from governance.units import words
from monitoring.diagnosis import remedies
from monitoring.diagnosis.findings import Finding, critical, notice, ok, warning
from monitoring.diagnosis.sections import PROBE_SECONDS, section
from monitoring.health.probe import Probe, Row
from monitoring.health.report import PROCESS_SILENT_SECONDS, QUEUE_SLOW_SECONDS

_WORKERS = """
SELECT w.worker_id, w.status, count(p.process_id)::int AS processes,
  coalesce(sum(p.in_flight), 0)::int AS in_flight,
  now() - (SELECT run_after FROM governance_tasks
           WHERE status = 'pending' AND assigned_worker = w.worker_id
             AND rank <= (now() AT TIME ZONE 'UTC') AND run_after <= now()
           ORDER BY rank LIMIT 1) AS waits
FROM worker_registry w
LEFT JOIN worker_processes p
  ON w.worker_id = ANY(p.worker_ids) AND p.last_seen > now() - %(silent)s * interval '1 second'
WHERE w.worker_id <> 'WATCHDOG' GROUP BY w.worker_id ORDER BY w.worker_id"""

_FLEET = "SELECT status, paused_by, reason, now() - paused_at AS since FROM fleet"
_START = remedies.at_machine("Start the worker processes of this machine.", "python manage.py run_workers")


@section("workers")
def look() -> list[Finding]:
    """Living processes of each worker, pauses, and due tasks that nobody takes."""
    with Probe(seconds=PROBE_SECONDS) as probe:
        workers = probe.rows(_WORKERS, {"silent": PROCESS_SILENT_SECONDS})
        fleet = probe.rows(_FLEET)
    evidence = [_told(worker) for worker in workers]
    if not any(w["processes"] for w in workers):
        return [
            critical(
                "no worker process is alive",
                evidence=evidence,
                explanation="No task runs until one is started.",
                remedies=[_START, remedies.at_machine("Or everything, as it was.", "python main.py")],
            ),
            *_fleet(fleet),
            *_paused(workers),
        ]
    alive = ok("worker processes are alive", evidence=evidence)
    return [alive, *_fleet(fleet), *_absent(workers), *_paused(workers), *_slow(workers, fleet)]


def _told(worker: Row) -> str:
    said = f"{worker['worker_id']}: {worker['status']}, {worker['processes']} processes"
    said += f", {worker['in_flight']} running"
    return said + (f", first in line due for {words(worker['waits'])}" if worker["waits"] is not None else "")


def _fleet(found: list[Row]) -> list[Finding]:
    if not found:
        return [
            critical(
                "the row of the fleet is missing",
                explanation="A fleet of which nothing is known counts as paused: no task is given out.",
                remedies=[
                    remedies.at_machine(
                        "Put it back.", "psql $DATABASE_URL -c \"INSERT INTO fleet (name) VALUES ('FLEET')\""
                    )
                ],
            )
        ]
    [fleet] = found
    if fleet["status"] == "active":
        return []
    return [
        warning(
            f"the fleet is paused, for {words(fleet['since'])}",
            evidence=[f"by {fleet['paused_by']}: {fleet['reason'] or 'no reason given'}"],
            explanation="No worker is given anything new, and no running task makes another call.",
            remedies=[remedies.resume_fleet()],
        )
    ]


def _absent(workers: list[Row]) -> list[Finding]:
    absent = [w["worker_id"] for w in workers if w["status"] == "active" and not w["processes"]]
    if not absent:
        return []
    return [
        warning(
            f"no process serves {', '.join(absent)}",
            explanation="Their tasks stay pending.",
            remedies=[
                remedies.at_machine(
                    "Start processes that serve them.", f"python manage.py run_workers {' '.join(absent)}"
                )
            ],
        )
    ]


def _paused(workers: list[Row]) -> list[Finding]:
    return [_paused_one(worker) for worker in workers if worker["status"] == "paused"]


def _paused_one(worker: Row) -> Finding:
    waits = worker["waits"] is not None
    say = warning if waits else notice
    return say(
        f"{worker['worker_id']} is paused" + (" and due tasks wait for it" if waits else ""),
        evidence=[_told(worker)],
        explanation="A paused worker is given nothing new.",
        remedies=[remedies.resume_worker(worker["worker_id"])],
    )


def _slow(workers: list[Row], fleet: list[Row]) -> list[Finding]:
    """Workers that could take what is due, and do not come round to it."""
    if not fleet or fleet[0]["status"] != "active":
        return []
    late = [w for w in workers if w["status"] == "active" and w["processes"] and _is_slow(w)]
    if not late:
        return []
    return [
        warning(
            f"due tasks of {', '.join(w['worker_id'] for w in late)} wait for more than a minute",
            evidence=[_told(worker) for worker in late],
            explanation="More is submitted than these processes can do.",
            remedies=[_START],
        )
    ]


def _is_slow(worker: Row) -> bool:
    return worker["waits"] is not None and worker["waits"].total_seconds() > QUEUE_SLOW_SECONDS
