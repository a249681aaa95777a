-- webhook_settle.lua: write down what a post came to.
--
-- ARGV[4]  delivery
-- ARGV[5]  attempts       only the newest claim may settle
-- ARGV[6]  error          '' when the receiver took it
-- ARGV[7]  pause_ms       to the next try
-- ARGV[8]  give_up_ms     a delivery that would be older by then is given up
-- ARGV[9]  dead_keep_ms   how long one that was given up is kept
-- ARGV[10] most_dead      the oldest above so many are forgotten
-- returns  'taken' | 'later' | 'dead' | 'stale'
local id = ARGV[4]
local k = key('delivery', id)
local delivery = load(k)
if not delivery or delivery.attempts ~= ARGV[5] then return 'stale' end
if not redis.call('ZSCORE', key('deliveries'), id) then return 'stale' end

if ARGV[6] == '' then
  redis.call('UNLINK', k)
  redis.call('ZREM', key('deliveries'), id)
  return 'taken'
end
redis.call('HSET', k, 'error', ARGV[6])
local next_at_ms = NOW_MS + tonumber(ARGV[7])
if next_at_ms - tonumber(delivery.created_at_ms) <= tonumber(ARGV[8]) then
  redis.call('ZADD', key('deliveries'), int(next_at_ms), id)
  return 'later'
end

local dead = key('dead_deliveries')
redis.call('ZREM', key('deliveries'), id)
redis.call('ZADD', dead, int(NOW_MS), id)
redis.call('PEXPIRE', k, ARGV[9])
redis.call('PEXPIRE', dead, ARGV[9])
count({}, 'webhooks_given_up', 1)
redis.call('ZREMRANGEBYSCORE', dead, '-inf', int(NOW_MS - tonumber(ARGV[9])))
for _, old in ipairs(redis.call('ZRANGE', dead, 0, -(tonumber(ARGV[10]) + 1))) do
  redis.call('ZREM', dead, old)
  redis.call('UNLINK', key('delivery', old))
end
return 'dead'
