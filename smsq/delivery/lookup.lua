-- lookup.lua: choose a job whose message ids nobody told, and take a slot to ask for them.
-- needs limit.lua
--
-- A lookup never waits for its slot: where none is free, everything else goes first. A job is looked
-- up after ten minutes, then whenever its age has doubled.
--
-- ARGV[6]  needs_slot    1: the lookup makes a request to the gateway
-- returns  {job id, uuid} | {}
local function take_slot()
  local l = limiter_state()
  local apart = apart_us(l)
  if is_closed(l) or l.planned_us - apart * (allowed_burst(l) - 1) > NOW_US then return false end
  local used_us = string.format('%.1f', math.max(l.planned_us, NOW_US) + apart)
  save_limiter('planned_us', used_us, 'used_us', used_us)
  return true
end

-- Jobs that cannot be looked up leave the list, so many in one call.
local MOST_PASSED = 200
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('lookups'), '-inf', int(NOW_MS), 'LIMIT', 0, MOST_PASSED)) do
  local job = load(key('job', id))
  if job and job.state == 'accepted' and job.uuid then
    if ARGV[6] == '1' and not take_slot() then return {} end
    local age_ms = NOW_MS - (tonumber(job.accepted_at_ms) or NOW_MS)
    redis.call('ZADD', key('lookups'), int(NOW_MS + math.max(UNMATCHED_MS, age_ms)), id)
    return {id, job.uuid}
  end
  redis.call('ZREM', key('lookups'), id)
end
return {}
