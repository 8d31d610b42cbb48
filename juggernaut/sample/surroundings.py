"""The SQL of what stands around the tasks: breakers, sweeps, audit, approvals, redrives, recurring tasks.

As many of each as a system has that did so many tasks (`few` is a fiftieth of them), and some thousands at
least.
"""

BREAKERS = """
INSERT INTO circuit_breakers (name, created_at)
SELECT 'sample-' || n, %(now)s::timestamptz - interval '9 days' FROM generate_series(1, 30) n
ON CONFLICT DO NOTHING;
INSERT INTO circuit_breaker_events (breaker, kind, from_state, to_state, cause, seq, created_at)
SELECT 'sample-' || (1 + n %% 30), 'transition', (ARRAY['closed','open','half_open'])[1 + (n / 30) %% 3],
       (ARRAY['open','half_open','closed'])[1 + (n / 30) %% 3], 'sample', n,
       %(now)s::timestamptz - (%(few)s - n) * interval '3 days' / %(few)s
FROM generate_series(1, %(few)s) n ON CONFLICT DO NOTHING"""

# Every five seconds, the last of them.
SWEEPS = """
INSERT INTO watchdog_sweeps (started_at, leader, duration_ms, counts)
SELECT %(now)s::timestamptz - n * interval '5 s', 'sample', 20, '{"rescued": 0, "released": 1}'
FROM generate_series(least(%(few)s, 17280), 1, -1) n"""

AUDIT = """
INSERT INTO audit_log (actor, action, target, reason, created_at)
SELECT 'user:operator-' || n %% 5, (ARRAY['permission.grant','budget.set','breaker.reset'])[1 + n %% 3],
       'sample ' || n %% 1000, 'sample', %(now)s::timestamptz - (%(few)s * 10 - n) * interval '10 s'
FROM generate_series(1, %(few)s * 10) n"""

APPROVALS = """
INSERT INTO approvals (id, worker_id, tool_name, task_id, digest, arguments, status, created_at, expires_at,
                       decided_at, decided_by)
SELECT pg_temp.sample_id(at), 'EXECUTOR', 'notify.send', juggernaut_uuid7(), md5(n::text), '{"to": "ops"}',
       CASE WHEN n %% 100 = 0 THEN 'pending' WHEN n %% 3 = 0 THEN 'rejected' ELSE 'expired' END, at,
       at + interval '400 days', CASE WHEN n %% 100 > 0 AND n %% 3 = 0 THEN at END,
       CASE WHEN n %% 100 > 0 AND n %% 3 = 0 THEN 'user:operator' ELSE '' END
FROM generate_series(1, %(few)s * 2) n
CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - (%(few)s * 2 - n) * interval '50 s' AS at) made"""

REDRIVES = """
INSERT INTO redrives (id, state, filter_text, reason, started_by, pace_per_second, max_failure_rate, plan,
                      stage, total, succeeded, credit, advanced_at, created_at, started_at, finished_at)
SELECT pg_temp.sample_id(at), 'completed', 'sample', 'sample', 'user:operator', 10, 0.5, '{1,5,1000}', 2,
       CASE n WHEN 200 THEN %(few)s ELSE 0 END, CASE n WHEN 200 THEN %(few)s ELSE 0 END, 0, at, at, at, at
FROM generate_series(1, 200) n
CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - (200 - n) * interval '3 hours' AS at) made;
INSERT INTO redrive_items (redrive_id, position, letter_id, task_id, retries, state, handed_over_at,
                           settled_at)
SELECT r.id, n, juggernaut_uuid7(), juggernaut_uuid7(), 0, 'succeeded', r.started_at, r.finished_at
FROM (SELECT * FROM redrives WHERE filter_text = 'sample' ORDER BY id DESC LIMIT 1) r,
     generate_series(1, %(few)s) n"""

RECURRING = """
INSERT INTO recurring_tasks (name, status, kind, every_seconds, task)
SELECT 'sample-' || n, 'paused', 'interval', 60, '{"task_type": "evaluation"}' FROM generate_series(1, 50) n
ON CONFLICT DO NOTHING;
INSERT INTO recurring_runs (recurring_id, slot, outcome, created_at)
SELECT r.id, slot, 'overlap', slot
FROM recurring_tasks r, generate_series(1, %(few)s / 20) n,
     LATERAL (SELECT %(now)s::timestamptz - n * interval '1 min' AS slot) due
WHERE r.name LIKE 'sample-%%'
ON CONFLICT DO NOTHING"""

ALL = (BREAKERS, SWEEPS, AUDIT, APPROVALS, REDRIVES, RECURRING)
