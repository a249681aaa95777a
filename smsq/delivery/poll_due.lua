-- poll_due.lua: let the messages whose time has come wait for a slot.
-- needs take_tick.lua
--
-- ARGV[4]  limit        most messages in one call
-- ARGV[5]  look_in_ms   after this long they are looked at again, should they still be here
-- ARGV[6]  tick         beat's tick that it is for; '' for none
-- ARGV[7]  apart_ms     so soon after another it is superseded, and nothing is looked at
-- returns  {<job id>:<n>, ...} that are new in the line; false: superseded
if ARGV[6] ~= '' and not take_tick(ARGV[6], ARGV[7]) then return false end
local poll, ready = key('polls'), key('ready', 'poll')
local found = {}
for _, ref in ipairs(redis.call('ZRANGEBYSCORE', poll, '-inf', int(NOW_MS), 'LIMIT', 0, tonumber(ARGV[4]))) do
  local id, n = string.match(ref, '^(.*):(%d+)$')
  if redis.call('EXISTS', key('message', id, n)) == 1 then
    redis.call('ZADD', poll, int(NOW_MS + tonumber(ARGV[5])), ref)
    if redis.call('ZADD', ready, 'NX', int(NOW_MS), ref) == 1 then table.insert(found, ref) end
  else
    redis.call('ZREM', poll, ref)
  end
end
return found
