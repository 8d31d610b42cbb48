"""The 29 rows of the acceptance table: what the runbook that this system is built from prints, exactly.

The runbook itself is not part of the project; its commands are, as data. A placeholder (`task-id`, `dlq-id`)
stands as it is printed.
"""

_MOVE = (
    'python -c "from core.dlq import move_to_dlq; import asyncio; '
    "asyncio.run(move_to_dlq('task-id', 'Rate limit exceeded'))\""
)
_RETRY = """\
# In a Python console
from core.dlq import retry_dlq_item
import asyncio

# Retry a specific DLQ item
asyncio.run(retry_dlq_item('dlq-id'))

# Retry all items with a specific failure pattern
async def retry_all_matching(pattern):
    from core.dlq import get_dlq_items
    items = await get_dlq_items(status='pending')
    for item in items:
        if pattern in item.get('failure_reason', ''):
            await retry_dlq_item(item['id'])

asyncio.run(retry_all_matching('connection reset'))
"""
_RESOLVE = """\
# After fixing the issue, resolve the DLQ items
from core.dlq import resolve_dlq_item
import asyncio

asyncio.run(resolve_dlq_item('dlq-id', 'Fixed by updating API credentials'))
"""
_RESET_ALL = """\
# In a Python console
from core.circuit_breaker import reset_all_circuit_breakers
reset_all_circuit_breakers()
"""
_STATUS = """\
# In a Python console
from core.circuit_breaker import get_circuit_breaker_status
import asyncio

asyncio.run(get_circuit_breaker_status())
"""
_RESET = """\
# In a Python console
from core.circuit_breaker import reset_circuit_breaker
import asyncio

asyncio.run(reset_circuit_breaker('openrouter'))
"""
_UPDATE = """\
# Update circuit breaker settings to be more tolerant
from core.circuit_breaker import update_circuit_breaker_settings
import asyncio

asyncio.run(update_circuit_breaker_settings(
    'openrouter',
    failure_threshold=10,  # More failures before opening
    reset_timeout=60       # Shorter timeout before trying again
))
"""
_POST = (
    'curl -X POST http://localhost:8000/api/tasks -H "Content-Type: application/json" -d '
    '\'{"title": "Health check", "task_type": "evaluation", '
    '"payload": {"eval_type": "metric", "metric_value": 100}}\''
)


def _psql(statement: str) -> str:
    return f'psql $DATABASE_URL -c "{statement}"'


ROWS: dict[int, tuple[str, ...]] = {
    1: (_psql("SELECT 1"), """echo $DATABASE_URL | grep -o "postgres.*@" | sed 's/@$//'"""),
    # `railway status` asks a hoster; the same question is answered here.
    2: ("python manage.py diagnose database",),
    3: ('kill -TERM $(pgrep -f "python main.py")', "python main.py"),
    4: (
        _psql(
            "SELECT * FROM tool_executions WHERE error_message LIKE '%circuit breaker%' "
            "ORDER BY created_at DESC LIMIT 5"
        ),
    ),
    5: (_psql("SELECT SUM(cost_usd) FROM api_cost_tracking WHERE created_at > NOW() - INTERVAL '24 hours'"),),
    6: (
        _psql(
            "UPDATE worker_budgets SET daily_limit = daily_limit * 0.5 "
            "WHERE worker_id IN ('EXECUTOR', 'ANALYST')"
        ),
    ),
    7: (_RESET_ALL,),
    8: (
        _psql(
            "SELECT id, title FROM governance_tasks WHERE status = 'in_progress' "
            "AND updated_at < NOW() - INTERVAL '30 minutes'"
        ),
    ),
    9: (_MOVE,),
    10: (
        _psql(
            "SELECT id, task_id, failure_reason, created_at FROM dead_letter_queue "
            "ORDER BY created_at DESC LIMIT 10"
        ),
        _psql(
            "SELECT failure_reason, COUNT(*) FROM dead_letter_queue GROUP BY failure_reason "
            "ORDER BY COUNT(*) DESC"
        ),
    ),
    11: (_RETRY,),
    12: (_RESOLVE,),
    13: ('ps -o pid,rss,command -p $(pgrep -f "python main.py")',),
    14: (
        _psql(
            "SELECT id, title, EXTRACT(EPOCH FROM (NOW() - started_at))/60 as minutes_running "
            "FROM governance_tasks WHERE status = 'in_progress' ORDER BY started_at ASC LIMIT 10"
        ),
    ),
    15: (
        _psql(
            "UPDATE governance_tasks SET status = 'failed', updated_at = NOW(), "
            "error_message = 'Terminated due to excessive runtime' WHERE id = 'task-id'"
        ),
    ),
    16: (
        _psql(
            "SELECT query, calls, total_time, mean_time FROM pg_stat_statements "
            "ORDER BY total_time DESC LIMIT 10"
        ),
    ),
    17: ("ps aux | grep watchdog_main.py", "python watchdog_main.py"),
    18: ("redis-cli -u $REDIS_URL GET watchdog:heartbeat:WATCHDOG",),
    19: (_psql("SELECT worker_id, last_heartbeat FROM worker_registry WHERE worker_id = 'WATCHDOG'"),),
    20: ("redis-cli -u $REDIS_URL PING",),
    21: (_psql("SELECT * FROM worker_tool_permissions WHERE worker_id = 'WATCHDOG'"),),
    22: (_STATUS,),
    23: (
        _psql(
            "SELECT error_message, COUNT(*) FROM tool_executions WHERE status = 'failed' "
            "AND created_at > NOW() - INTERVAL '1 hour' GROUP BY error_message ORDER BY COUNT(*) DESC"
        ),
    ),
    24: (_RESET,),
    25: (_UPDATE,),
    26: ("curl http://localhost:8000/health",),
    27: ("tail -f logs/juggernaut.log | grep ERROR",),
    28: (_POST,),
    29: (
        "../architecture/overview.md",
        "../architecture/database_schema.md",
        "../architecture/circuit_breaker.md",
        "../architecture/dlq.md",
        "../integration/api_integration.md",
    ),
}
