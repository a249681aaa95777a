-- poll_due.lua: say which messages are due for a poll, and look at them again if no worker comes.
--
-- ARGV[4]  limit        most messages in one call
-- ARGV[5]  look_in_ms   a message whose ring got lost is rung again after this long
-- returns  {<job id>:<n>, ...}
local poll = key('poll')
local found = {}
for _, ref in ipairs(redis.call('ZRANGEBYSCORE', poll, '-inf', int(NOW_MS), 'LIMIT', 0, tonumber(ARGV[4]))) do
  local id, n = string.match(ref, '^(.*):(%d+)$')
  if redis.call('EXISTS', key('message', id, n)) == 1 then
    redis.call('ZADD', poll, int(NOW_MS + tonumber(ARGV[5])), ref)
    redis.call('HSETNX', key('message', id, n), 'poll_due_ms', int(NOW_MS))
    table.insert(found, ref)
  else
    redis.call('ZREM', poll, ref)
  end
end
return found
