-- How the breaker stands; changes nothing. Times are ms of Redis's clock, 0 for none.
local b = load()
if not b then return {'missing'} end
local calls, failures = counts(b)
return {'found', b.state, b.kind, b.cause, whole(b.generation), left(b), whole(b.wait), whole(b.opened_at),
  whole(b.retry_at), b.consecutive, calls, failures, redis.call('ZCARD', KEYS[3]), b.succeeded}
