"""Workers: who has processes that live, and whose tasks nobody takes."""

from monitoring.diagnosis.findings import Finding, critical, notice, ok, warning
from monitoring.diagnosis.sections import PROBE_SECONDS, section
from monitoring.health import PROCESS_SILENT_SECONDS
from monitoring.probe import Probe, Row

_WORKERS = """
SELECT w.worker_id, w.status, count(p.process_id)::int AS processes,
  coalesce(sum(p.in_flight), 0)::int AS in_flight,
  EXISTS (SELECT FROM governance_tasks WHERE status = 'pending' AND assigned_worker = w.worker_id
          AND rank <= (now() AT TIME ZONE 'UTC') AND run_after <= now()) AS has_due
FROM worker_registry w
LEFT JOIN worker_processes p
  ON w.worker_id = ANY(p.worker_ids) AND p.last_seen > now() - %(silent)s * interval '1 second'
WHERE w.worker_id <> 'WATCHDOG' GROUP BY w.worker_id ORDER BY w.worker_id"""


@section("workers")
def look() -> list[Finding]:
    """Living processes of each worker, pauses, and due tasks without anybody to take them."""
    with Probe(seconds=PROBE_SECONDS) as probe:
        workers = probe.rows(_WORKERS, {"silent": PROCESS_SILENT_SECONDS})
    evidence = [
        f"{w['worker_id']}: {w['status']}, {w['processes']} processes, {w['in_flight']} running"
        + (", due tasks wait" if w["has_due"] else "")
        for w in workers
    ]
    if not any(w["processes"] for w in workers):
        return [
            critical(
                "no worker process is alive",
                evidence=evidence,
                explanation="No task runs until one is started.",
                remedy="python manage.py run_workers   (python main.py starts everything)",
            )
        ]
    return [ok("worker processes are alive", evidence=evidence), *_absent(workers), *_paused(workers)]


def _absent(workers: list[Row]) -> list[Finding]:
    absent = [w["worker_id"] for w in workers if w["status"] == "active" and not w["processes"]]
    if not absent:
        return []
    return [
        warning(
            f"no process serves {', '.join(absent)}",
            explanation="Their tasks stay pending.",
            remedy=f"python manage.py run_workers {' '.join(absent)}",
        )
    ]


def _paused(workers: list[Row]) -> list[Finding]:
    return [
        notice(
            f"{w['worker_id']} is paused" + (" and due tasks wait for it" if w["has_due"] else ""),
            explanation="A paused worker is given nothing new.",
            remedy="resume it in the console, at /admin/governance/worker/",
        )
        for w in workers
        if w["status"] == "paused"
    ]
