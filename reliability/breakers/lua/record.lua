-- What became of a call. ARGV: 1 generation, 2 verdict and 3 token of its permit, 4 outcome,
-- 5 how long to wait (ms; -1 not said; for `quota` that means until an operator acts), 6 jitter in [0, 1),
-- 7 what was said of it.
-- Verdicts: counted, ignored (an old generation, an expired probe, or nothing that counts), missing.
local b = load()
if not b then return {'missing'} end
local is_late = tonumber(ARGV[1]) ~= b.generation
local outcome, said_wait, jitter, said = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]

local function open(kind, cause, wait)
  b.retry_at = wait and now + wait or 0
  move(b, 'open', kind, said == '' and cause or cause .. ': ' .. said)
end

-- Shared by closed and half-open: what the service itself says about when to come back.
local function obey(backoff)
  if outcome == 'auth' then open('auth', 'our credentials are refused')
  elseif outcome == 'quota' then
    open('quota', 'our quota is used up', said_wait >= 0 and math.max(said_wait, backoff) or nil)
  elseif outcome == 'rate_limited' then
    local asked = said_wait >= 0 and said_wait or b.reset_timeout
    open('rate_limited', 'rate limit exceeded', math.max(asked, backoff))
  else return false end
  return true
end

-- Of two waits that were asked for, the later end holds.
local function extend()
  if b.state ~= 'open' or b.retry_at == 0 or tonumber(ARGV[1]) ~= b.generation - 1 then return false end
  if (outcome ~= 'rate_limited' and outcome ~= 'quota') or now + said_wait <= b.retry_at then return false end
  b.retry_at, b.kind = now + said_wait, outcome
  b.cause = said == '' and 'asked to wait longer' or 'asked to wait longer: ' .. said
  redis.call('HSET', KEYS[1], 'retry_at', whole(b.retry_at), 'kind', b.kind, 'cause', b.cause)
  tell(b, 'extended', b.state)
  return true
end

local function of_closed()
  local has_failed = outcome == 'failure' or outcome == 'slow'
  count(b, has_failed)
  if outcome == 'success' and b.consecutive > 0 then
    redis.call('HSET', KEYS[1], 'consecutive', 0)
  elseif outcome == 'failure' then
    b.consecutive = redis.call('HINCRBY', KEYS[1], 'consecutive', 1)
  end
  if not has_failed then return end
  b.wait = b.reset_timeout
  if outcome == 'failure' and b.consecutive >= b.failure_threshold then
    return open('failures', b.consecutive .. (b.consecutive == 1 and ' failure' or ' failures in a row'), b.wait)
  end
  local calls, failures = counts(b)
  if calls >= b.min_calls and failures >= b.failure_rate * calls then
    open('failures', failures .. ' of ' .. calls .. ' calls failed', b.wait)
  end
end

local function of_probe(doubled)
  if outcome == 'success' then
    b.succeeded = redis.call('HINCRBY', KEYS[1], 'succeeded', 1)
    if b.succeeded >= b.half_open_probes then move(b, 'closed', '', 'its probes succeeded') end
  else
    b.wait = doubled
    open('failures', outcome == 'slow' and 'a probe was slow' or 'a probe failed', b.wait * (1 - jitter / 4))
  end
end

if b.mode == 'disabled' or ARGV[2] == 'free' then return reply(b, 'ignored') end
if is_late then return reply(b, extend() and 'counted' or 'ignored') end
if b.state == 'half_open' then
  if redis.call('ZSCORE', KEYS[3], ARGV[3]) == false
    or tonumber(redis.call('ZSCORE', KEYS[3], ARGV[3])) <= now then return reply(b, 'ignored') end
  redis.call('ZREM', KEYS[3], ARGV[3])
end
if outcome == 'not_counted' then return reply(b, 'ignored') end
local doubled = math.min(b.max_wait, math.max(b.wait, b.reset_timeout) * 2)
if b.state == 'half_open' and outcome == 'rate_limited' then b.wait = doubled end
if not obey(b.state == 'half_open' and doubled or 0) then
  if b.state == 'closed' then of_closed() else of_probe(doubled) end
end
return reply(b, 'counted')
