-- sweep.lua: take away a draft that was left behind, some of its jobs at a time.
-- begins no clock
-- needs unprepared.lua
--
-- ARGV[4]  limit     most jobs in one call
-- returns  how many were taken away; 0 when there is nothing
local found = redis.call('ZRANGEBYSCORE', key('drafts'), '-inf', int(NOW_MS), 'LIMIT', 0, 1)[1]
if not found then return 0 end
local campaign, name = string.match(found, '^(.-)|(.*)$')
-- First of all nobody may go on with it.
forget_draft(campaign, name)
for swept = 0, tonumber(ARGV[4]) - 1 do
  local id = redis.call('LINDEX', key('staged', campaign), 0)
  if not id then
    redis.call('ZREM', key('drafts'), found)
    return swept + 1
  end
  if work_left <= 0 then return swept + 1 end
  -- Of one that cannot be read, only its place among the others is taken away.
  local place = guard(function()
    local job = load(key('job', id))
    return job and unlink_job_from(id, job, job.swept_to or '1:0')
  end, function() return nil end)
  if place then
    redis.call('HSET', key('job', id), 'swept_to', place)
    return swept + 1
  end
  redis.call('LPOP', key('staged', campaign))
end
return tonumber(ARGV[4])
