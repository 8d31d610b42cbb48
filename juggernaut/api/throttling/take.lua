-- Is there room for one request? Then it is counted. The bucket holds as many as the limit says and fills
-- again evenly over its window, so all that is kept of it is the time at which it will be full.
-- KEYS: 1 the bucket. ARGV: 1 the most requests, 2 the window. Times are microseconds of Redis's own clock.
-- Answers: 1 or 0 (counted or not), requests left, until there is room for one, until it is full again.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local window = tonumber(ARGV[2])
local each = window / tonumber(ARGV[1])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local then_full_at = full_at + each
if then_full_at - now > window then
  return {0, 0, math.ceil(then_full_at - window - now), math.ceil(full_at - now)}
end
redis.call('SET', KEYS[1], string.format('%.3f', then_full_at), 'PX', math.ceil((then_full_at - now) / 1000))
return {1, math.floor((window - (then_full_at - now)) / each + 0.001), 0, math.ceil(then_full_at - now)}
