-- align.lua: bring some jobs of a campaign in line with its brake: park them, call them off, or make
-- them ready again in their order. Any number of processes may do so; each call takes the next ones.
-- needs unprepared.lua
--
-- ARGV[4]  campaign id    '' for one whose jobs are to be looked at
-- ARGV[5]  limit          most jobs in one call
-- returns  {campaign, what happened to it, 1 for its first jobs, 1 when jobs are left,
--           {{job id, kind, priority}, ...} to ring} | {} when there is nothing to do
local brakes = campaign_brakes()

local function align_one()
  local id = ARGV[4]
  if id == '' then
    id = redis.call('ZRANGEBYSCORE', key('aligning'), '-inf', int(NOW_MS), 'LIMIT', 0, 1)[1]
    if not id then return {} end
  end
  local campaign = load(key('campaign', id))
  if not campaign then
    redis.call('ZREM', key('aligning'), id)
    return {}
  end

  -- The canary's time may be over, without anything that moved a count.
  brakes.judge(id)
  campaign = load(key('campaign', id))
  local from = tonumber(campaign.aligned)
  if not from then
    brakes.end_aligning(id, campaign)
    return {}
  end

  local function bring_in_line(job_id, job, rings)
    local brake = braked(job)
    local is_out_of_line = (job.state == 'queued' and brake)
      or (job.state == 'waiting' and (brake == 'cancelled' or (job.is_parked and not brake)))
      or (job.state == 'dead' and brake == 'cancelled')
    if is_out_of_line and move(job_id, job, 'queued') == 'queued' then
      table.insert(rings, {job_id, job.kind, job.priority})
    end
  end

  -- What a job costs that is looked at.
  local LOOK_COST = 12
  local limit, rings, looked_at = tonumber(ARGV[5]), {}, 0
  local ids = redis.call('LRANGE', key('campaign_jobs', id), from, from + limit - 1)
  while looked_at < #ids and work_left > 0 do
    looked_at = looked_at + 1
    work_left = work_left - LOOK_COST
    local job_id = ids[looked_at]
    guard(function()
      local job = load_job(job_id)
      if job then bring_in_line(job_id, job, rings) end
    end, function() schedule(job_id, NOW_MS + ASIDE_MAX_MS) end)
  end
  local is_left = looked_at < #ids or #ids == limit
  if is_left then
    redis.call('HSET', key('campaign', id), 'aligned', from + looked_at)
  else
    brakes.end_aligning(id, campaign)
  end
  local last = redis.call('LRANGE', key('timeline', id), -1, -1)[1] or '||'
  local what, why = string.match(last, '^.-|(.-)|(.*)$')
  return {id, what .. ' (' .. why .. ')', from == 0 and 1 or 0, is_left and 1 or 0, rings}
end

-- A campaign that cannot be read is looked at later: the others go on.
return guard(align_one, function()
  local due = redis.call('ZRANGEBYSCORE', key('aligning'), '-inf', int(NOW_MS), 'LIMIT', 0, 1)
  local id = ARGV[4] ~= '' and ARGV[4] or due[1]
  if id then redis.call('ZADD', key('aligning'), int(NOW_MS + ASIDE_MAX_MS), id) end
  return {}
end)
