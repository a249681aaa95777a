-- sweep.lua: take away a draft that was left behind, some of its jobs at a time.
-- begins no clock
--
-- ARGV[4]  limit     most jobs in one call
-- returns  how many were taken away; 0 when there is nothing
local found = redis.call('ZRANGEBYSCORE', key('drafts'), '-inf', int(NOW_MS), 'LIMIT', 0, 1)[1]
if not found then return 0 end
local campaign, name = string.match(found, '^(.-)|(.*)$')
-- First of all nobody may go on with it.
forget_draft(campaign, name)
-- Keys that one call takes away, give or take a job.
local MOST, keys_gone = 4000, 0
for swept = 0, tonumber(ARGV[4]) - 1 do
  local id = redis.call('LPOP', key('staged', campaign))
  if not id then
    redis.call('ZREM', key('drafts'), found)
    return swept + 1
  end
  local job = load(key('job', id))
  if job then
    local keys = keys_of(id, job)
    unlink_all(keys)
    keys_gone = keys_gone + #keys
  end
  if keys_gone >= MOST then return swept + 1 end
end
return tonumber(ARGV[4])
