"""The SQL of one slice of tasks and of all that belongs to them: set-based, in the order in which it runs.

No sum is made up here. Windows of budgets are opened by governance's own function, and the triggers of the
ledger and of the dead letters keep hours, costs of tasks and counts of groups, as for any other row. One
trigger is off while tasks are written (`task_created`), because it tells of a creation that happens now;
switching it off belongs to the transaction, so a load that is killed leaves it on.
"""

# Version 7 ids of a time that is past: lists and filters read the time out of them.
PREPARE = """
CREATE OR REPLACE FUNCTION pg_temp.sample_id(moment timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT encode(set_bit(set_bit(
    overlay(uuid_send(gen_random_uuid())
            PLACING substring(int8send((extract(epoch FROM moment) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
    52, 1), 53, 1), 'hex')::uuid
$$"""

# Of twenty tasks the first is a workflow and the next three are its steps. Letters are spread evenly; live
# tasks wait for what does not come by itself, so that no worker takes them.
SLICE = """
DROP TABLE IF EXISTS pg_temp.sample_slice, pg_temp.sample_calls, pg_temp.sample_windows;
CREATE TEMP TABLE sample_slice ON COMMIT DROP AS
SELECT n, pg_temp.sample_id(made) AS id, made, letter, is_dead, is_resolved, status,
       (ARRAY['EXECUTOR','ANALYST','STRATEGIST','ORCHESTRATOR'])[1 + n %% 4] AS worker,
       CASE WHEN n %% 20 = 0 THEN 'workflow'
            ELSE (ARRAY['agent','evaluation','tool_execution','verification'])[1 + (n / 3) %% 4]
       END AS task_type,
       CASE WHEN is_dead AND NOT is_resolved THEN pg_temp.sample_id(made + interval '9 s') END AS open_letter,
       CASE WHEN n %% 20 IN (1, 2, 3) THEN n - n %% 20 END AS parent,
       status IN ('completed', 'failed', 'cancelled') AS has_ended,
       CASE WHEN status = 'pending' THEN 0 WHEN status = 'cancelled' THEN 1 ELSE 2 END AS transitions
FROM generate_series(%(begin)s::bigint, %(end)s::bigint) n
CROSS JOIN LATERAL (
  SELECT %(now)s::timestamptz - interval '1 day' * %(days)s * (%(tasks)s - n) / %(tasks)s
           - interval '10 s' AS made,
         n * %(letters)s / %(tasks)s AS letter,
         (n + 1) * %(letters)s / %(tasks)s > n * %(letters)s / %(tasks)s AS is_dead) a
CROSS JOIN LATERAL (
  SELECT is_dead AND %(resolved)s > 0 AND letter %% greatest(%(resolved)s, 1) = 0 AS is_resolved) b
CROSS JOIN LATERAL (
  SELECT CASE WHEN is_dead THEN 'failed'
              WHEN n %% 20 < 4 THEN 'completed'
              WHEN n %% 97 = 5 THEN 'cancelled'
              WHEN n %% 53 = 7 THEN 'pending'
              WHEN n %% 197 = 8 THEN 'parked'
              WHEN n %% 1009 = 9 THEN 'waiting_approval'
              ELSE 'completed' END AS status) c"""

TASKS = """
INSERT INTO governance_tasks (id, title, task_type, payload, priority, status, waiting_for, assigned_worker,
  attempts, error_attempts, run_after, parent_id, result, error_message, failure, dead_letter_id, created_by,
  created_at, started_at, updated_at, completed_at, transitions)
SELECT s.id, 'task ' || s.n || ' of the sample', s.task_type, jsonb_build_object('number', s.n), s.n %% 10,
       s.status,
       CASE s.status WHEN 'parked' THEN 'breaker sample-' || (1 + s.n %% 30)
                     WHEN 'waiting_approval' THEN 'an approval' ELSE '' END,
       s.worker, CASE WHEN s.transitions = 2 THEN 1 ELSE 0 END, CASE s.status WHEN 'failed' THEN 1 ELSE 0 END,
       CASE s.status WHEN 'pending' THEN s.made + interval '10 years' ELSE s.made END, p.id,
       CASE s.status WHEN 'completed' THEN '{"passed": true}'::jsonb END,
       CASE s.status WHEN 'failed' THEN 'pallet ' || s.n || ' of "order ' || s.n || '" is gone'
                     WHEN 'cancelled' THEN 'not needed any more' ELSE '' END,
       CASE s.status WHEN 'failed' THEN
         jsonb_build_object('cause', 'attempts', 'error_class', 'Error' || s.letter %% %(groups)s) END,
       s.open_letter, 'user:client-' || s.n %% 7,
       s.made, CASE WHEN s.transitions = 2 THEN s.made + interval '1 s' END,
       s.made + interval '9 s', CASE WHEN s.has_ended THEN s.made + interval '9 s' END, s.transitions
FROM sample_slice s LEFT JOIN sample_slice p ON p.n = s.parent ORDER BY s.n"""

EVENTS = """
INSERT INTO task_events (task_id, seq, from_status, to_status, actor, reason, attempt, created_at)
SELECT s.id, e.seq, e.was, e.became, e.who, e.why, e.attempt, s.made + e.after
FROM sample_slice s CROSS JOIN LATERAL (VALUES
  (0, '', 'pending', 'user:client-' || s.n %% 7, '', 0, interval '0'),
  (1, 'pending', CASE s.status WHEN 'cancelled' THEN 'cancelled' ELSE 'in_progress' END,
   CASE s.status WHEN 'cancelled' THEN 'user:operator' ELSE s.worker END,
   CASE s.status WHEN 'cancelled' THEN 'not needed any more' ELSE '' END,
   CASE s.status WHEN 'cancelled' THEN 0 ELSE 1 END, interval '1 s'),
  (2, 'in_progress', s.status, s.worker,
   CASE s.status WHEN 'failed' THEN 'pallet ' || s.n || ' of "order ' || s.n || '" is gone' ELSE '' END, 1,
   interval '9 s')) e(seq, was, became, who, why, attempt, after)
WHERE e.seq <= s.transitions ORDER BY s.n, e.seq"""

STEPS = """
INSERT INTO workflow_steps (task_id, workflow_id, name, position)
SELECT s.id, p.id, 'step-' || s.n %% 20, s.n %% 20 FROM sample_slice s JOIN sample_slice p ON p.n = s.parent;
INSERT INTO task_dependencies (task_id, depends_on_id)
SELECT s.id, before.id FROM sample_slice s JOIN sample_slice before ON before.n = s.n - 1
WHERE s.n %% 20 IN (2, 3);
INSERT INTO task_steps (task_id, turn, call, kind, name, content, attempt, created_at)
SELECT id, turn, 0, 'answer', 'model.chat', '{"text": "an answer"}', 1, made + turn * interval '2 s'
FROM sample_slice, generate_series(1, 3) turn
WHERE task_type = 'agent' AND n %% 5 = 0 AND status <> 'pending';
INSERT INTO task_late_results (task_id, lease_token, attempt, process_id, outcome, found_status, received_at)
SELECT id, 1, 1, gen_random_uuid(), 'completed', status, made + interval '20 s'
FROM sample_slice WHERE n %% 100 = 11 AND has_ended"""

# Calls follow one another by twenty seconds; tasks of which there are a hundredth make them through a day.
# All of them together cost five dollars a day, which a fresh installation allows.
CALLS = """
CREATE TEMP TABLE sample_calls ON COMMIT DROP AS
SELECT call, pg_temp.sample_id(at) AS hold, s.id AS task, s.worker, at,
       (ARRAY['openrouter','search','mail'])[1 + s.n %% 3] AS service,
       'provider/model-' || s.n %% 12 AS model,
       round((5.0 * %(days)s / %(lines)s * (0.5 + random()))::numeric, 9) AS usd,
       CASE call %% 100 WHEN 0 THEN 'unpriced' WHEN 1 THEN 'unknown' WHEN 2 THEN 'expired'
                       ELSE 'provider' END AS source,
       (call + 1) * %(calls)s / %(lines)s > call * %(calls)s / %(lines)s AS is_kept
FROM sample_slice s
CROSS JOIN LATERAL generate_series(s.n * %(lines)s / %(tasks)s, (s.n + 1) * %(lines)s / %(tasks)s - 1) call
CROSS JOIN LATERAL (
  SELECT least(s.made + (call - s.n * %(lines)s / %(tasks)s) *
               CASE WHEN s.n %% 100 = 0 THEN interval '144 min' ELSE interval '20 s' END,
               %(now)s::timestamptz - interval '1 s' * (5 + call %% 3000)) AS at) moment"""

WINDOWS = """
CREATE TEMP TABLE sample_windows ON COMMIT DROP AS
SELECT d.worker, d.quarter, array_agg(w.id ORDER BY w.ordinality) AS ids
FROM (SELECT DISTINCT worker, date_bin('15 minutes', at, timestamptz 'epoch') AS quarter FROM sample_calls
      ORDER BY 2, 1) d
CROSS JOIN LATERAL governance_budget_lock(d.worker::text, NULL::uuid, d.quarter) WITH ORDINALITY w
GROUP BY d.worker, d.quarter"""

HOLDS = """
INSERT INTO budget_holds (id, worker_id, task_id, service, model, amount_usd, state, charged_usd, lines,
                          windows, created_at, expires_at, ended_at)
SELECT c.hold, c.worker, c.task, c.service, c.model,
       CASE c.source WHEN 'provider' THEN c.usd * 2 ELSE c.usd END,
       CASE c.source WHEN 'unknown' THEN 'unknown' WHEN 'expired' THEN 'expired' ELSE 'settled' END,
       c.usd, 1, w.ids, c.at, c.at + interval '10 min', c.at + interval '2 s'
FROM sample_calls c
JOIN sample_windows w ON w.worker = c.worker
  AND w.quarter = date_bin('15 minutes', c.at, timestamptz 'epoch')"""

# Where an operator has set a limit below what the sample cost, the window has none: it is history.
SPENT = """
UPDATE budget_windows b
SET spent = b.spent + s.usd,
    ceiling = CASE WHEN b.ceiling >= b.spent + s.usd + b.held - b.overage THEN b.ceiling END
FROM (SELECT id, sum(usd) AS usd FROM sample_calls c
      JOIN sample_windows w ON w.worker = c.worker
        AND w.quarter = date_bin('15 minutes', c.at, timestamptz 'epoch')
      CROSS JOIN unnest(w.ids) AS id GROUP BY id) s
WHERE b.id = s.id"""

LINES = """
INSERT INTO api_cost_tracking (worker_id, task_id, service, model, cost_usd, input_tokens, output_tokens,
                               price_source, hold_id, actor, created_at, booked_at)
SELECT worker, task, service, model, usd, 1200, 80, source, hold, worker, at, at + interval '2 s'
FROM sample_calls ORDER BY call"""

EXECUTIONS = """
INSERT INTO tool_executions (id, task_id, worker_id, tool_name, service, model, arguments, status, call_key,
                             rule, error_message, duration_ms, cost_usd, created_at, ended_at)
SELECT pg_temp.sample_id(c.at), c.task, c.worker, t.name, c.service, c.model, '{"messages": 3}', t.status,
       'call-' || c.call, 'permission ' || t.name,
       CASE t.status WHEN 'failed' THEN 'connection reset by peer'
                     WHEN 'refused' THEN 'circuit breaker sample-3 is open' ELSE '' END,
       (200 + c.call %% 3000)::int, CASE t.status WHEN 'succeeded' THEN c.usd END, c.at, c.at + interval '2 s'
FROM sample_calls c
CROSS JOIN LATERAL (
  SELECT (ARRAY['model.chat','http.request','sql.query'])[1 + c.call %% 3] AS name,
         CASE c.call %% 40 WHEN 0 THEN 'failed' WHEN 15 THEN 'refused' ELSE 'succeeded' END AS status) t
WHERE c.is_kept ORDER BY c.call"""

LETTERS = """
INSERT INTO dead_letter_queue (id, task_id, status, cause, task_type, worker_id, service, error_class,
  error_message, cost_usd, attempts, created_at, failed_at, resolved_at, resolved_by, resolution, outcome)
SELECT coalesce(s.open_letter, pg_temp.sample_id(s.made + interval '9 s')), s.id,
       CASE WHEN s.is_resolved THEN 'resolved' ELSE 'pending' END, 'attempts', s.task_type, s.worker,
       (ARRAY['openrouter','search','mail'])[1 + s.letter %% %(groups)s %% 3],
       'Error' || s.letter %% %(groups)s,
       'pallet ' || s.n || ' of "order ' || s.n || '" is gone',
       coalesce((SELECT c.cost_usd FROM task_costs c WHERE c.task_id = s.id), 0),
       jsonb_build_array(jsonb_build_object('attempt', 1, 'at', s.made + interval '9 s', 'error', 'gone')),
       s.made + interval '9 s', s.made + interval '9 s',
       CASE WHEN s.is_resolved THEN s.made + interval '1 hour' END,
       CASE WHEN s.is_resolved THEN 'user:operator' ELSE '' END,
       CASE WHEN s.is_resolved THEN 'delivered by hand' ELSE '' END,
       CASE WHEN s.is_resolved THEN 'resolved' ELSE '' END
FROM sample_slice s WHERE s.is_dead ORDER BY s.n"""

# What tasks and letters owe one another is checked at the commit. With both in it can be checked now, and has
# to be: a table with checks to come cannot be altered.
SETTLED = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED"
QUIET = "ALTER TABLE governance_tasks DISABLE TRIGGER task_created"
LOUD = "ALTER TABLE governance_tasks ENABLE TRIGGER task_created"

OF_TASKS = (SETTLED, SLICE, QUIET, TASKS, EVENTS, STEPS)
OF_CALLS = (CALLS, WINDOWS, HOLDS, SPENT, LINES, EXECUTIONS)
OF_LETTERS = (LETTERS, SETTLED, LOUD)
