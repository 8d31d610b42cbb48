-- Is there room for one call in every window? Then it is counted in all of them, else in none.
-- KEYS: the windows (zset: token by the time of its call). ARGV: 1 the token, '' to look only; then for each
-- window its most calls and its span. Times are microseconds of Redis's own clock.
-- Answers the number of the window that is full for longest (0: none is), and for how long.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local function whole(number) return string.format('%.0f', number) end

local full, left = 0, 0
for i, key in ipairs(KEYS) do
  local most, span = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now - span))
  local calls = redis.call('ZCARD', key)
  if calls >= most then
    -- There is room again when this one has left the window: more than the oldest, if the limit was lowered.
    local oldest = redis.call('ZRANGE', key, calls - most, calls - most, 'WITHSCORES')
    local wait = tonumber(oldest[2]) + span - now
    if full == 0 or wait > left then full, left = i, wait end
  end
end
if full == 0 and ARGV[1] ~= '' then
  for i, key in ipairs(KEYS) do
    redis.call('ZADD', key, whole(now), ARGV[1])
    redis.call('PEXPIRE', key, whole(math.ceil(tonumber(ARGV[2 * i + 1]) / 1000)))
  end
end
return {full, whole(left)}
