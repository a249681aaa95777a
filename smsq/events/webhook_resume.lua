-- webhook_resume.lua: post again to a receiver that wanted no more posts (410), or asked for a pause.
-- needs audit.lua
--
-- ARGV[4]  by  who, as user@host
-- returns  1 | 0: nothing held it up
local held = redis.call('HMGET', key('webhook'), 'ended', 'closed_until_ms')
redis.call('HDEL', key('webhook'), 'ended', 'ended_at_ms', 'closed_until_ms')
if not held[1] and tonumber(held[2] or 0) <= NOW_MS then return 0 end
record_act(ARGV[4], 'webhook resume', '', '')
return 1
