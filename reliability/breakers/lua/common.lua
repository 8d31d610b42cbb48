-- What the scripts of the breakers share. Times are milliseconds of Redis's own clock: no other counts.
-- KEYS: 1 the breaker (hash), 2 its sliding window (hash), 3 its probes (zset), 4 events for PostgreSQL (list).
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local TEXTS = {'state', 'kind', 'cause', 'mode'}
local NUMBERS = {
  'generation', 'seq', 'consecutive', 'wait', 'opened_at', 'retry_at', 'succeeded', 'version', 'reset_version',
  'failure_threshold', 'reset_timeout', 'window', 'min_calls', 'failure_rate', 'half_open_probes',
  'probe_lease', 'max_wait', 'mode_until',
}

-- The breaker as a table, or nil if Redis does not know it (any more).
local function load()
  local found = redis.call('HGETALL', KEYS[1])
  local b = {}
  for i = 1, #found, 2 do b[found[i]] = found[i + 1] end
  if not b.state then return nil end
  for _, field in ipairs(TEXTS) do b[field] = b[field] or '' end
  for _, field in ipairs(NUMBERS) do b[field] = tonumber(b[field]) or 0 end
  if b.mode_until > 0 and now >= b.mode_until then b.mode = 'normal' end
  return b
end

local function whole(number) return string.format('%.0f', number) end

-- How long the breaker still waits; retry_at 0 means until an operator acts.
local function left(b) return b.retry_at > 0 and math.max(b.retry_at - now, 0) or -1 end

local function tell(b, kind, from)
  b.seq = math.max(b.seq + 1, now)
  redis.call('HSET', KEYS[1], 'seq', whole(b.seq))
  redis.call('RPUSH', KEYS[4], cjson.encode({
    seq = whole(b.seq), kind = kind, from = from, to = b.state, open_kind = b.kind, cause = b.cause,
    generation = whole(b.generation), wait = b.wait, retry_in = left(b), at = whole(now),
  }))
  redis.call('LTRIM', KEYS[4], -1000, -1)
end

-- Every move to another state starts a generation; results of the one before change nothing any more.
local function move(b, to, kind, cause)
  local from = b.state
  b.state, b.kind, b.cause, b.generation, b.succeeded = to, kind, cause, b.generation + 1, 0
  redis.call('DEL', KEYS[3])
  if to == 'open' then b.opened_at = now end
  if to == 'closed' then
    b.consecutive, b.wait, b.retry_at = 0, 0, 0
    redis.call('DEL', KEYS[2])
  end
  redis.call('HSET', KEYS[1], 'state', to, 'kind', kind, 'cause', cause, 'generation', whole(b.generation),
    'succeeded', 0, 'consecutive', b.consecutive, 'wait', whole(b.wait), 'opened_at', whole(b.opened_at),
    'retry_at', whole(b.retry_at))
  tell(b, 'transition', from)
end

-- Calls and failures within the window, from buckets that are a twentieth of it wide.
local function counts(b)
  local found = redis.call('HGETALL', KEYS[2])
  local calls, failures = 0, 0
  for i = 1, #found, 2 do
    if tonumber(string.sub(found[i], 2)) > now - b.window then
      if string.sub(found[i], 1, 1) == 'c' then calls = calls + found[i + 1]
      else failures = failures + found[i + 1] end
    end
  end
  return calls, failures
end

local function forget_old(b)
  for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
    if tonumber(string.sub(field, 2)) <= now - b.window then redis.call('HDEL', KEYS[2], field) end
  end
end

local function count(b, has_failed)
  local bucket = whole(now - now % math.max(math.floor(b.window / 20), 1))
  if redis.call('HINCRBY', KEYS[2], 'c' .. bucket, 1) == 1 then forget_old(b) end
  if has_failed then redis.call('HINCRBY', KEYS[2], 'f' .. bucket, 1) end
end

local function reply(b, verdict, wait)
  return {verdict, b.state, b.kind, b.cause, whole(b.generation), wait or left(b), whole(b.wait),
    redis.call('LLEN', KEYS[4]), b.mode, b.reset_version}
end
