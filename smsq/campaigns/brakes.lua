-- brakes.lua: a campaign's brakes. Every script begins with it, after all others, and ends with
-- judge_campaigns: a campaign stops itself in the call in which its counts pass the bound.
--
-- A brake is one field of the campaign's hash, so it holds from that call on: whatever would be sent
-- asks for it (braked). What stood in the line before is brought in line by whoever comes upon it, a
-- claim or align.lua.
--
-- Redis makes all functions of a script anew in each call, which takes time where they use many names
-- of others. So these are made by a function of their own, in the calls that need them.

local function campaign_brakes()
  -- Fewer judged recipients say nothing.
  local LEAST_JUDGED = 50
  -- A canary's job that nobody settles holds its campaign up for so long after the polling horizon.
  local CANARY_MARGIN_MS = 3600000

  local function number_of(campaign, field) return tonumber(campaign[field]) or 0 end

  local function brake_of(campaign)
    return campaign.brake or (campaign.canary == 'waiting' and 'canary') or nil
  end

  -- Have every job of a campaign looked at: it is parked, called off, or made ready again.
  local function begin_aligning(id)
    redis.call('HSET', key('campaign', id), 'aligned', 0)
    redis.call('ZADD', key('aligning'), int(NOW_MS), id)
  end

  -- Afterwards the campaign is looked at again where its canary may take too long.
  local function end_aligning(id, campaign)
    redis.call('HDEL', key('campaign', id), 'aligned')
    if campaign.canary == 'waiting' and not campaign.brake then
      redis.call('ZADD', key('aligning'), campaign.canary_until_ms, id)
    else
      redis.call('ZREM', key('aligning'), id)
    end
  end

  -- Change what holds a campaign up: `brake` and `canary` are their fields' new values, nil for none.
  local function set_brakes(id, campaign, brake, canary, what, why)
    local k, was, had = key('campaign', id), brake_of(campaign), campaign.brake
    campaign.brake, campaign.canary = brake, canary
    local now = brake_of(campaign)
    if not brake then
      redis.call('HDEL', k, 'brake', 'brake_why')
    elseif brake ~= had then
      redis.call('HSET', k, 'brake', brake, 'brake_why', why)
    end
    if canary then redis.call('HSET', k, 'canary', canary) end
    if now and not was then redis.call('HSET', k, 'braked_at_ms', int(NOW_MS)) end
    if was and not now then redis.call('HSET', k, 'released_at_ms', int(NOW_MS)) end
    note(id, what, why)
    if now ~= was then
      tell_campaign(id, was, now, why)
      begin_aligning(id)
    end
  end

  -- A campaign goes live: what its first job carries of its brakes becomes its own.
  local function open_campaign(id)
    local k = key('campaign', id)
    local job_id = redis.call('LINDEX', key('campaign_jobs', id), 0)
    local job = load(key('job', job_id))
    local name = redis.call('HGET', key('message', job_id, 1), 'name') or ''
    redis.call('HSET', k, 'name', name, 'braked_at_ms', int(NOW_MS))
    redis.call('ZADD', key('campaigns'), int(NOW_MS), id)
    if job.max_failed_ppm then redis.call('HSET', k, 'max_failed_ppm', job.max_failed_ppm) end
    if job.names then redis.call('HSET', k, 'names', job.names) end
    redis.call('HSET', k, 'is_open', 1)
    tell_campaign(id, nil, nil, 'begun')
    note(id, 'created', name)
    if not job.is_canary then return end
    local starts_ms = math.max(NOW_MS, moment_ms(tonumber(job.starts_at_ms) or 0))
    local span_ms = tonumber(job.canary_horizon_ms) + CANARY_MARGIN_MS
    local until_ms = int(starts_ms + span_ms)
    redis.call('HSET', k, 'canary', 'waiting', 'canary_until_ms', until_ms, 'canary_span_ms', int(span_ms))
    redis.call('ZADD', key('aligning'), until_ms, id)
  end

  local function say_share(failed, of) return string.format('%.3g %%', 100 * failed / of) end

  local function say_bound(ppm) return string.format('%.6g %%', ppm / 10000) end

  -- A brake wants proof of delivery; whoever reads why it stopped has to know where there is none either way.
  local function say_silent(campaign)
    local silent = number_of(campaign, 'recipient:no_report')
    return silent == 0 and '' or '; ' .. silent .. ' without a report may have got it'
  end

  local function has_unsent(campaign)
    return number_of(campaign, 'job:queued') + number_of(campaign, 'job:waiting')
      + number_of(campaign, 'job:submitting') > 0
  end

  -- Whoever of the canary was not delivered to by now has failed, whatever the reason.
  local function judge_canary(id, campaign, bound_ppm)
    -- What is paused is not late, whatever becomes of it.
    local is_late = not campaign.brake and tonumber(campaign.canary_until_ms) <= NOW_MS
    -- While the campaign is launched, not all of the canary's jobs are counted yet.
    if (campaign.launched or number_of(campaign, 'canary_left') > 0) and not is_late then return end
    local size = number_of(campaign, 'canary_recipients') - number_of(campaign, 'recipient:withheld')
    local failed = size - number_of(campaign, 'recipient:delivered')
    local found = 'canary: ' .. failed .. ' of ' .. size .. ' recipients failed'
    if size == 0 then found = 'canary: all of its recipients are withheld' end
    if is_late then found = found .. ' or are without a final report' end
    if size > 0 and (failed == 0 or failed * 1000000 < bound_ppm * size) then
      return set_brakes(id, campaign, campaign.brake, 'passed', 'canary passed', found)
    end
    found = found .. ', it goes on only below ' .. say_bound(bound_ppm) .. say_silent(campaign)
    local brake = has_unsent(campaign) and 'stopped' or campaign.brake
    set_brakes(id, campaign, brake, 'failed', brake == 'stopped' and 'stopped' or 'canary failed', found)
  end

  local function judge(id)
    local bound_ppm = tonumber(redis.call('HGET', key('campaign', id), 'max_failed_ppm'))
    if not bound_ppm then return end
    local campaign = load(key('campaign', id))
    if campaign.brake == 'stopped' or campaign.brake == 'cancelled' then return end
    if campaign.canary == 'waiting' then return judge_canary(id, campaign, bound_ppm) end
    local failed = number_of(campaign, 'recipient:undelivered') + number_of(campaign, 'recipient:no_report')
      + number_of(campaign, 'unsent:rejected') + number_of(campaign, 'unsent:dead')
      + number_of(campaign, 'unsent:expired')
    local judged = failed + number_of(campaign, 'recipient:delivered')
    if judged < LEAST_JUDGED or failed * 1000000 <= bound_ppm * judged or not has_unsent(campaign) then return end
    local why = failed .. ' of ' .. judged .. ' judged recipients failed (' .. say_share(failed, judged)
      .. '), more than ' .. say_bound(bound_ppm) .. ' stops it' .. say_silent(campaign)
    set_brakes(id, campaign, 'stopped', campaign.canary, 'stopped', why)
  end

  return {
    number_of = number_of,
    brake_of = brake_of,
    has_unsent = has_unsent,
    set = set_brakes,
    open_campaign = open_campaign,
    end_aligning = end_aligning,
    judge = judge,
  }
end

-- Its last recipient is final, once: `is_open` is there from its beginning to its end. News of those whose
-- job ended unsent may still be on its way (`telling`).
local function end_campaign(id)
  local open = redis.call('HMGET', key('campaign', id),
    'job:queued', 'job:waiting', 'job:submitting', 'job:accepted', 'job:unknown', 'telling')
  for _, number in ipairs(open) do
    if (tonumber(number or 0)) > 0 then return end
  end
  redis.call('HDEL', key('campaign', id), 'is_open', 'telling')
  tell_campaign(id, nil, nil, 'finished')
end

local function judge_campaigns()
  local brakes
  for id in pairs(MOVED) do
    local marks = redis.call('HMGET', key('campaign', id), 'is_open', 'max_failed_ppm')
    if marks[1] then end_campaign(id) end
    if marks[2] then
      brakes = brakes or campaign_brakes()
      -- The call has moved what it moved; a campaign that cannot be judged must not cost its answer.
      pcall(brakes.judge, id)
    end
  end
end
