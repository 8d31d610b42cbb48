-- May this call be made? ARGV: 1 the token of the permit.
-- Verdicts: call, probe, free (counts for nothing), refused, missing (Redis does not know the breaker).
local b = load()
if not b then return {'missing'} end
if b.mode == 'disabled' then return reply(b, 'free') end
if b.mode == 'forced_open' then
  return reply(b, 'refused', b.mode_until > 0 and b.mode_until - now or -1)
end
if b.state == 'open' and b.retry_at > 0 and now >= b.retry_at then
  move(b, 'half_open', b.kind, 'the wait is over')
end
-- The number of probes may have been lowered below what has succeeded already.
if b.state == 'half_open' and b.succeeded >= b.half_open_probes then
  move(b, 'closed', '', 'as many probes succeeded as are asked for')
end
if b.state == 'closed' then return reply(b, 'call') end

local wait = nil
if b.state == 'half_open' then
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', whole(now))
  if redis.call('ZCARD', KEYS[3]) + b.succeeded < b.half_open_probes then
    redis.call('ZADD', KEYS[3], whole(now + b.probe_lease), ARGV[1])
    return reply(b, 'probe')
  end
  wait = tonumber(redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]) - now
end
if b.mode == 'shadow' then return reply(b, 'free', wait) end
return reply(b, 'refused', wait)
