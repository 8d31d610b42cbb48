"""The runbook's shell lines as printed, in a second terminal beside a machine that `main.py` runs."""

import json
from datetime import UTC, datetime

import psutil
import pytest

from tests.machine import Machine
from tests.polling import until
from tests.runbook.shell import Terminal

pytestmark = pytest.mark.slow

POST = (
    'curl -sf -X POST http://localhost:8000/api/tasks -H "Content-Type: application/json" -d '
    '\'{"title": "Health check", "task_type": "evaluation", '
    '"payload": {"eval_type": "metric", "metric_value": 100}}\''
)
STUCK = (
    "SELECT id, title FROM governance_tasks WHERE status = 'in_progress' "
    "AND updated_at < NOW() - INTERVAL '30 minutes'"
)
LONG = (
    "SELECT id, title, EXTRACT(EPOCH FROM (NOW() - started_at))/60 as minutes_running FROM governance_tasks "
    "WHERE status = 'in_progress' ORDER BY started_at ASC LIMIT 10"
)
TERMINATE = (
    "UPDATE governance_tasks SET status = 'failed', updated_at = NOW(), "
    "error_message = 'Terminated due to excessive runtime' WHERE id = '{id}'"
)
WAIT = (
    "INSERT INTO governance_tasks (title, task_type, payload, timeout_seconds) "
    "VALUES ('long', 'wait', '{\\\"seconds\\\": 3000}', 3600) RETURNING id"
)
# Held by a process that nobody has heard of for 31 minutes, under a lease that no watchdog ends meanwhile.
SILENT = (
    "INSERT INTO governance_tasks (title, task_type, status, attempts, lease_token, lease_owner, "
    "lease_expires_at, started_at, updated_at) VALUES ('silent', 'wait', 'in_progress', 1, 1, "
    "gen_random_uuid(), now() + interval '1 hour', now() - interval '40 minutes', "
    "now() - interval '31 minutes') RETURNING id"
)

STATEMENTS = [
    "SELECT * FROM tool_executions WHERE error_message LIKE '%circuit breaker%' "
    "ORDER BY created_at DESC LIMIT 5",
    "SELECT SUM(cost_usd) FROM api_cost_tracking WHERE created_at > NOW() - INTERVAL '24 hours'",
    "UPDATE worker_budgets SET daily_limit = daily_limit * 0.5 WHERE worker_id IN ('EXECUTOR', 'ANALYST')",
    "SELECT id, task_id, failure_reason, created_at FROM dead_letter_queue ORDER BY created_at DESC LIMIT 10",
    "SELECT failure_reason, COUNT(*) FROM dead_letter_queue GROUP BY failure_reason ORDER BY COUNT(*) DESC",
    "SELECT * FROM worker_tool_permissions WHERE worker_id = 'WATCHDOG'",
    "SELECT error_message, COUNT(*) FROM tool_executions WHERE status = 'failed' AND created_at > NOW() - "
    "INTERVAL '1 hour' GROUP BY error_message ORDER BY COUNT(*) DESC",
]


@pytest.fixture
def terminal(machine: Machine) -> Terminal:
    machine.environment |= {
        "JUGGERNAUT_TASK_TYPES": "benchmarks.task_types",
        "JUGGERNAUT_GRACE_SECONDS": "4",
    }
    machine.start()
    machine.await_running()
    return Terminal(machine)


def first_line(text: str) -> str:
    return text.splitlines()[0]


def seconds_ago(moment: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()


def until_it_runs(terminal: Terminal, task: str) -> None:
    row = f"SELECT status FROM governance_tasks WHERE id = '{task}'"
    until(lambda: terminal.sql(row) == "in_progress", what="a running task")


def test_the_database_answers_and_its_url_has_a_user(terminal):
    assert "1 row" in terminal.type('psql $DATABASE_URL -c "SELECT 1"')

    user = terminal.type("""echo $DATABASE_URL | grep -o "postgres.*@" | sed 's/@$//'""")

    assert user.startswith("postgresql://juggernaut:")


def test_the_pattern_finds_the_supervisor_alone_and_a_restart_loses_nothing(machine, terminal):
    waiting = first_line(terminal.sql(WAIT))
    until(
        lambda: terminal.sql(f"SELECT status FROM governance_tasks WHERE id = '{waiting}'") == "in_progress"
    )
    family = {process.pid for process in machine.processes()}
    found = {int(pid) for pid in terminal.type('pgrep -f "python main.py"').split()}
    assert found & family == {machine.pid}
    assert len(terminal.type(f"ps -o pid,rss,command -p {machine.pid}").splitlines()) == 2

    terminal.type(f"kill -TERM {machine.pid}")

    assert machine.exit_status() == 0
    assert not [pid for pid in family if psutil.pid_exists(pid)]
    machine.start()
    machine.await_running()
    row = f"SELECT status, attempts, crash_attempts FROM governance_tasks WHERE id = '{waiting}'"
    until(lambda: terminal.sql(row) == "in_progress|1|0", what="the task that was given back")


def test_stuck_and_long_running_tasks_are_listed_and_a_terminated_one_stays_ended(terminal):
    alive, silent = first_line(terminal.sql(WAIT)), first_line(terminal.sql(SILENT))
    until_it_runs(terminal, alive)

    stuck = terminal.sql(STUCK)
    long = [line.split("|") for line in terminal.sql(LONG).splitlines()]
    terminal.sql(TERMINATE.format(id=alive))

    assert stuck == f"{silent}|silent"
    assert [line[0] for line in long] == [silent, alive]
    assert float(long[0][2]) > 39
    assert float(long[1][2]) < 5
    until(lambda: terminal.sql("SELECT sum(in_flight) FROM worker_processes") == "0", what="a stopped task")
    ended = (
        f"SELECT status, error_message, completed_at IS NOT NULL FROM governance_tasks WHERE id = '{alive}'"
    )
    assert terminal.sql(ended) == "failed|Terminated due to excessive runtime|t"


def test_the_watchdog_is_seen_and_beats_in_redis_and_in_the_registry(terminal):
    assert "python watchdog_main.py" in terminal.type("ps aux | grep watchdog_main.py")
    assert terminal.type("redis-cli -u $REDIS_URL PING").strip() == "PONG"

    beat = datetime.fromisoformat(
        terminal.type("redis-cli -u $REDIS_URL GET watchdog:heartbeat:WATCHDOG").strip()
    )
    registry = terminal.sql(
        "SELECT worker_id, last_heartbeat FROM worker_registry WHERE worker_id = 'WATCHDOG'"
    )

    assert abs((datetime.now(UTC) - beat).total_seconds()) < 15
    assert abs((datetime.fromisoformat(registry.split("|")[1]) - beat).total_seconds()) < 15


def test_health_and_the_test_task(terminal):
    health = json.loads(terminal.type("curl -sf http://localhost:8000/health"))
    created = json.loads(terminal.type(POST))

    row = f"SELECT status, result -> 'passed' FROM governance_tasks WHERE id = '{created['id']}'"
    until(lambda: terminal.sql(row) == "completed|true", what="the verdict")
    assert health["status"] == "ok"
    assert created["url"].endswith(f"/api/tasks/{created['id']}")


def test_an_error_is_one_line_of_the_log_with_the_task(machine, terminal):
    insert = (
        "INSERT INTO governance_tasks (task_type, payload) "
        "VALUES ('misbehave', '{\\\"how\\\": \\\"permanent\\\"}') RETURNING id"
    )
    task = first_line(terminal.sql(insert))

    def told() -> list[str]:
        lines = machine.log_path.read_text().splitlines()
        return [line for line in lines if " ERROR " in line and f"task={task}" in line]

    [line] = until(told, what="the error in the log")
    assert "it was told to fail for good" in line


def test_the_statements_of_the_runbook_run_as_printed(terminal):
    for line in STATEMENTS:
        terminal.sql(line)

    halved = "SELECT daily_limit FROM worker_budgets WHERE worker_id = 'ANALYST'"
    assert float(terminal.sql(halved)) == 5
    audited = "SELECT count(*) FROM audit_log WHERE actor LIKE 'sql:%' AND target LIKE '%ANALYST%'"
    assert int(terminal.sql(audited)) == 1
