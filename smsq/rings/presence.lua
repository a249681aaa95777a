-- presence.lua: note when a worker's consumer last asked for rings; forget workers long gone.
--
-- ARGV[4]  worker
-- ARGV[5]  age_ms     since it asked; '' when the worker says goodbye
-- ARGV[6]  forget_ms  a worker that has been silent for so long is forgotten
local workers, forget_ms = key('workers'), tonumber(ARGV[6])
if ARGV[5] == '' then
  redis.call('ZREM', workers, ARGV[4])
else
  redis.call('ZADD', workers, int(NOW_MS - tonumber(ARGV[5])), ARGV[4])
end
redis.call('ZREMRANGEBYSCORE', workers, '-inf', int(NOW_MS - forget_ms))
redis.call('PEXPIRE', workers, int(forget_ms))
return 'ok'
