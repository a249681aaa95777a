-- brake.lua: pause, resume or cancel a campaign, in one step that does not grow with its size.
-- needs audit.lua
--
-- It holds from this call on; align.lua brings the jobs in line afterwards.
--
-- ARGV[4]  campaign id
-- ARGV[5]  what           'pause', 'resume' or 'cancel'
-- ARGV[6]  by             who says so, as user@host
-- ARGV[7]  max_failed_ppm resume: the new bound; '' keeps it, but lifts the one that stopped it
-- ARGV[8]  is_anyway      resume: 1 does not wait for the canary any more
-- ARGV[9]  detail         resume: these two, in words
-- returns  {1 when something changed, else 0} | {'missing'}
--          {'cancelled'}: there is nothing to pause or resume any more
local brakes = campaign_brakes()
local id, what, said = ARGV[4], ARGV[5], 'by ' .. ARGV[6]
local k = key('campaign', id)
local campaign = load(k)
if not campaign then return {'missing'} end
if campaign.brake == 'cancelled' and what ~= 'cancel' then return {'cancelled'} end

-- A new bound is written down, too, though it let nothing go on.
local is_changed, is_noted = false, false
local function change(brake, canary, word)
  brakes.set(id, campaign, brake, canary, word, said)
  is_changed = true
end

local may_be_sent = brakes.has_unsent(campaign) or brakes.number_of(campaign, 'job:unknown') > 0
if what == 'cancel' then
  -- Dead jobs could be retried.
  may_be_sent = may_be_sent or brakes.number_of(campaign, 'job:dead') > 0
  if campaign.brake ~= 'cancelled' and may_be_sent then
    change('cancelled', campaign.canary == 'waiting' and 'skipped' or campaign.canary, 'cancelled')
  end
elseif what == 'pause' then
  if not campaign.brake and may_be_sent then change('paused', campaign.canary, 'paused') end
else
  local canary = campaign.canary
  if canary == 'waiting' and ARGV[8] == '1' then canary = 'skipped' end
  if canary == 'waiting' and campaign.brake then put_off_canary(id, NOW_MS) end
  if ARGV[7] ~= '' then
    redis.call('HSET', k, 'max_failed_ppm', ARGV[7])
    is_noted = true
  elseif campaign.brake == 'stopped' or canary == 'skipped' then
    redis.call('HDEL', k, 'max_failed_ppm')
  end
  if campaign.brake or canary ~= campaign.canary then change(nil, canary, 'resumed') end
  MOVED[id] = true
end
if is_changed or is_noted then record_act(ARGV[6], what, id, ARGV[9]) end
return {is_changed and 1 or 0}
