"""What must be true of the record after any fault: every task done exactly once, and nothing made up."""

from tests.faults.system import Batch, Load, System

# One row for each task: what the row says, beside what its history says.
_AUDIT = """
SELECT t.id::text, t.status, t.result IS NOT NULL, t.lease_owner IS NULL,
  t.attempts, t.error_attempts, t.crash_attempts, t.transitions,
  h.events, h.last_seq, h.chain_breaks, h.completions, h.claims, h.crashes, h.given_back
FROM governance_tasks t
CROSS JOIN LATERAL (
  SELECT count(*) AS events, max(seq) AS last_seq,
    count(*) FILTER (WHERE from_status <> before) AS chain_breaks,
    count(*) FILTER (WHERE to_status = 'completed') AS completions,
    count(*) FILTER (WHERE to_status = 'in_progress') AS claims,
    count(*) FILTER (WHERE reason LIKE 'its worker process died or stalled%%') AS crashes,
    count(*) FILTER (WHERE reason LIKE 'given back%%') AS given_back
  FROM (SELECT *, coalesce(lag(to_status) OVER (ORDER BY seq), '') AS before
        FROM task_events WHERE task_id = t.id) e) h
WHERE t.id = ANY(%s::uuid[])"""


def assert_done_exactly_once(load: Batch, *, late: bool = False) -> None:
    """Each task has one completion and one result, its history has no gap, and its counters add up.

    Late results, which are kept apart, may exist only if `late`.
    """
    rows = load.system.sql(_AUDIT, load.ids)
    assert len(rows) == len(load.ids)
    wrong = [row for row in rows if not _is_in_order(*row[1:])]
    assert not wrong, f"{len(wrong)} tasks, first: {wrong[:3]}"
    assert late or not load.late()


def _is_in_order(
    status: str, has_result: bool, is_free: bool,
    attempts: int, error_attempts: int, crash_attempts: int, transitions: int,
    events: int, last_seq: int, chain_breaks: int,
    completions: int, claims: int, crashes: int, given_back: int,
) -> bool:  # fmt: skip
    is_done_once = status == "completed" and has_result and is_free and completions == 1
    is_whole = events == transitions + 1 and last_seq == transitions and chain_breaks == 0
    adds_up = attempts == claims - given_back and crash_attempts == crashes and error_attempts == 0
    return is_done_once and is_whole and adds_up


def assert_crashed_once(load: Batch, crashed: set[str]) -> None:
    """These tasks were held by a process that died, once, and no others."""
    rows = load.system.sql(
        "SELECT id::text, crash_attempts FROM governance_tasks WHERE id = ANY(%s::uuid[])", load.ids
    )
    assert {task for task, crashes in rows if crashes} == crashed
    assert {crashes for _, crashes in rows} <= {0, 1}


def assert_ran_once(load: Load) -> None:
    """The fault was no reason to begin any task a second time."""
    assert load.attempts() == {1}
    assert load.runs() == dict.fromkeys(load.ids, 1)


def assert_nothing_in_progress(system: System) -> None:
    """No task of the machine is held by anybody."""
    held = "SELECT id FROM governance_tasks WHERE status = 'in_progress' OR lease_owner IS NOT NULL"
    assert system.sql(held) == []


def assert_log_is_clean(system: System) -> None:
    """No traceback and no deadlock: what a fault does to us is foreseen."""
    lines = system.log_path.read_text().splitlines()
    unforeseen = [line for line in lines if "Traceback" in line or "deadlock" in line]
    assert not unforeseen, "\n".join(unforeseen)
