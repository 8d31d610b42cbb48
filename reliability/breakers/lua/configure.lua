-- Settings as PostgreSQL has them; counters are kept. ARGV: 1 version, 2 to 9 settings (spans in ms), 10 mode,
-- 11 how long the mode lasts (ms; -1 for ever), 12 reset_version, 13 what the last reset says; and the last known
-- state, for when Redis has none: 14 state, 15 kind, 16 cause, 17 generation, 18 wait, 19 left to wait (-1:
-- until an operator acts), 20 how long ago it opened (ms).
local b = load()
if b and b.version >= tonumber(ARGV[1]) then return reply(b, 'held') end

local function seed()
  -- Larger than any that was given out before the loss: what those permits bring back is of an old generation.
  local generation = math.max(now, tonumber(ARGV[17]) + 1)
  local wait = tonumber(ARGV[19])
  redis.call('HSET', KEYS[1], 'state', ARGV[14], 'kind', ARGV[15], 'cause', ARGV[16],
    'generation', whole(generation), 'seq', whole(now), 'consecutive', 0, 'succeeded', 0, 'wait', ARGV[18],
    'opened_at', ARGV[14] == 'closed' and '0' or whole(now - tonumber(ARGV[20])),
    'retry_at', (ARGV[14] == 'closed' or wait < 0) and '0' or whole(math.max(now + wait, 1)),
    'reset_version', ARGV[12])
end

-- A wait for failures follows the setting that it came from; one that the service asked for does not.
local function follow(old)
  local new = tonumber(ARGV[3])
  if b.state ~= 'open' or b.kind ~= 'failures' or old == 0 or old == new then return end
  b.wait = math.min(tonumber(ARGV[9]), b.wait * new / old)
  b.retry_at = b.opened_at + b.wait
  redis.call('HSET', KEYS[1], 'wait', whole(b.wait), 'retry_at', whole(b.retry_at))
end

if not b then seed() else follow(b.reset_timeout) end
local ends = tonumber(ARGV[11])
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'failure_threshold', ARGV[2], 'reset_timeout', ARGV[3],
  'window', ARGV[4], 'min_calls', ARGV[5], 'failure_rate', ARGV[6], 'half_open_probes', ARGV[7],
  'probe_lease', ARGV[8], 'max_wait', ARGV[9], 'mode', ARGV[10],
  'mode_until', ends < 0 and '0' or whole(now + math.max(ends, 0)))
if b and b.reset_version ~= tonumber(ARGV[12]) then
  redis.call('HSET', KEYS[1], 'reset_version', ARGV[12])
  b = load()
  if b.state ~= 'closed' then move(b, 'closed', '', ARGV[13])
  else
    redis.call('DEL', KEYS[2])
    redis.call('HSET', KEYS[1], 'consecutive', 0, 'generation', whole(b.generation + 1))
  end
end
return reply(load(), 'set')
