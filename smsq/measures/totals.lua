-- totals.lua: read all that was measured since ever, with the minutes that are not folded yet.
-- begins no clock
--
-- returns  flat fields and numbers of the totals and of each such minute: {totals, minute, minute, ...}
local found = {redis.call('HGETALL', key('totals'))}
for _, minute in ipairs(redis.call('ZRANGE', key('minutes'), 0, -1)) do
  found[#found + 1] = redis.call('HGETALL', key('minute', minute))
end
return found
