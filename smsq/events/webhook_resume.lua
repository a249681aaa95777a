-- webhook_resume.lua: post again to a receiver that wanted no more posts (410), or asked for a pause.
--
-- returns  1 | 0: nothing held it up
local held = redis.call('HMGET', key('webhook'), 'ended', 'closed_until_ms')
redis.call('HDEL', key('webhook'), 'ended', 'ended_at_ms', 'closed_until_ms')
return (held[1] or tonumber(held[2] or 0) > NOW_MS) and 1 or 0
