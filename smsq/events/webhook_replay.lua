-- webhook_replay.lua: post a delivery that was given up again, as if it were new.
-- needs audit.lua
--
-- ARGV[4]  delivery
-- ARGV[5]  keep_ms   how long a delivery is kept
-- ARGV[6]  by        who, as user@host
-- returns  1 | 0: no such delivery is given up
local id = ARGV[4]
if redis.call('ZREM', key('dead_deliveries'), id) == 0 then return 0 end
if redis.call('EXISTS', key('delivery', id)) == 0 then return 0 end
redis.call('HSET', key('delivery', id), 'attempts', 0, 'failures', 0, 'created_at_ms', int(NOW_MS))
redis.call('HDEL', key('delivery', id), 'failed_at_ms')
redis.call('PEXPIRE', key('delivery', id), ARGV[5])
redis.call('ZADD', key('deliveries'), int(NOW_MS), id)
redis.call('PEXPIRE', key('deliveries'), ARGV[5])
record_act(ARGV[6], 'webhook replay', id, '')
return 1
