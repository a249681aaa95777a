-- sweep.lua: take away a draft that was left behind, some of its jobs at a time.
--
-- ARGV[4]  limit     most jobs in one call
-- returns  how many were taken away; fewer than the limit, and not 0: go on with the next draft
local found = redis.call('ZRANGEBYSCORE', key('drafts'), '-inf', int(NOW_MS), 'LIMIT', 0, 1)[1]
if not found then return 0 end
local campaign, name = string.match(found, '^(.-)|(.*)$')
-- First of all nobody may go on with it.
forget_draft(campaign, name)
for swept = 0, tonumber(ARGV[4]) - 1 do
  local id = redis.call('LPOP', key('staged', campaign))
  if not id then
    redis.call('ZREM', key('drafts'), found)
    return swept + 1
  end
  local job = load(key('job', id))
  if job then unlink_all(keys_of(id, job)) end
end
return tonumber(ARGV[4])
