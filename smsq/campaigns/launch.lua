-- launch.lua: bring some jobs of a committed campaign into the line, in their order.
-- needs unprepared.lua
--
-- ARGV[4]  campaign id   '' for one that nobody goes on with
-- ARGV[5]  limit         most jobs in one call
-- ARGV[6]  idle_ms       recover goes on when nobody has for so long
-- returns  {campaign id, or '' when there is none; 1 when some are left, {ids of jobs in line now}}
local id, limit = ARGV[4], tonumber(ARGV[5])
if id == '' then
  id = redis.call('ZRANGEBYSCORE', key('launching'), '-inf', int(NOW_MS), 'LIMIT', 0, 1)[1]
  if not id then return {'', 0, {}} end
end
local campaign_key = key('campaign', id)
local launched = tonumber(redis.call('HGET', campaign_key, 'launched') )
if not launched then
  redis.call('ZREM', key('launching'), id)
  return {id, 0, {}}
end

local ids = redis.call('LRANGE', key('campaign_jobs', id), launched, launched + limit - 1)
for _, job_id in ipairs(ids) do
  guard(function() load_job(job_id) end, function() schedule(job_id, NOW_MS + ASIDE_MAX_MS) end)
end
if #ids < limit then
  redis.call('HDEL', campaign_key, 'launched')
  redis.call('ZREM', key('launching'), id)
  -- A canary that was final before is judged now, even where no job is left to move a count.
  MOVED[id] = true
  return {id, 0, ids}
end
redis.call('HSET', campaign_key, 'launched', launched + #ids)
redis.call('ZADD', key('launching'), int(NOW_MS + tonumber(ARGV[6])), id)
return {id, 1, ids}
