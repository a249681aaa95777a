-- recover.lua: give every job that is due its next step, and say which ones to ring.
--
-- ARGV[4]  limit             most jobs in one call
-- ARGV[5]  max_attempts      a job to be resent is held instead once it has made so many
-- ARGV[6]  first_poll_ms     a job that a receipt proved accepted is polled after this long
-- ARGV[7]  horizon_ms        and given up after this long
-- ARGV[8]  quiet             names the quiet hours in force; '' when the caller does not say
-- returns  {number of jobs looked at, {{job id, kind, priority}, ...} to ring}; 0: nothing is due
local due = key('due')
local limit = tonumber(ARGV[4])
-- Recipients whom one call gives up, or whom the cap counts no more, and messages that it looks at,
-- give or take a job: more would hold Redis up.
local MOST = 3000

-- Jobs that wait for the end of quiet hours that were changed are looked at now: the claim holds
-- them back again where the new hours do.
local function release_held()
  local held_by = redis.call('GET', key('held_by'))
  if ARGV[8] == '' or not held_by or held_by == ARGV[8] then return end
  local held = redis.call('ZRANGE', key('held'), 0, limit - 1)
  for _, id in ipairs(held) do
    schedule_in_turn(id, NOW_MS)
    redis.call('ZREM', key('held'), id)
  end
  if #held < limit then redis.call('DEL', key('held_by')) end
end

release_held()
local ids = redis.call('ZRANGEBYSCORE', due, '-inf', '(' .. int(NOW_MS + 1), 'LIMIT', 0, limit)
local rings = {}

local function requeue(id, job, error)
  if move(id, job, 'queued', error) == 'queued' then
    table.insert(rings, {id, job.kind, job.priority})
  end
end

-- A claim whose lease ended: its worker died or stalled after it may have written the request.
local function end_lease(id, job)
  if job.preparing then
    redis.call('HDEL', key('job', id), 'preparing', 'lease_until_ms')
    count_attempt(id, job, -1)
    return requeue(id, job, 'the worker died or stalled before the request began')
  end
  local error = 'no answer before the lease ended: the worker died or stalled'
  redis.call('HSET', key('job', id), 'error_class', 'unknown')
  job.error_class = 'unknown'
  doubt(id, job, job.claims)
  if job.is_proven then
    accept(id, job, ARGV[7], ARGV[6])
  elseif job.on_unknown == 'resend' and tonumber(job.attempts) < tonumber(ARGV[5]) then
    requeue(id, job, error .. '; sending again as asked')
  else
    hold_unknown(id, job, error)
  end
end

-- A word that we do not know might hold a phone; as show_word in smsq/polls.py.
local function show_word(word)
  local masked, digits = string.gsub(word, '%d', '*')
  return digits >= 5 and masked or word
end

local function give_up_message(id, job, n)
  local message_key = key('message', id, n)
  local message_id = redis.call('HGET', message_key, 'message_id') or ''
  local told = {id, job.campaign or '', n, message_id, ordinals = read_ordinals(id, job)}
  for b = 0, tonumber(redis.call('HGET', message_key, 'buckets')) - 1 do
    local k = key('recipients', id, n, b)
    local changed = {}
    for phone, value in pairs(load(k) or {}) do
      local letter = string.sub(value, 1, 1)
      if letter == '' or letter == 'p' or letter == 's' then
        table.insert(changed, phone)
        table.insert(changed, 'n' .. (value == '' and '||' or string.sub(value, 2)))
        local word = string.match(value, '^.|[^|]*|(.*)$') or ''
        tell_recipients(told, {phone}, letter == 's' and 'sent' or 'pending', 'no_report', show_word(word))
      end
    end
    if #changed > 0 then hset_all(k, changed) end
  end
  for _, state in ipairs({'pending', 'sent'}) do
    local left = tonumber(redis.call('HGET', message_key, state)) or 0
    count_recipients(id, job, n, state, -left)
    count_recipients(id, job, n, 'no_report', left)
  end
  stop_polling(id .. ':' .. n)
end

-- Each message has a horizon of its own: the job is looked at again at the next one's.
local function give_up_polling(id, job)
  local next_ms = math.huge
  for n = 1, tonumber(job.messages) do
    local at_ms = given_up_at_ms(job, redis.call('HGET', key('message', id, n), 'starts_at_ms'), ARGV[7])
    if at_ms <= NOW_MS then give_up_message(id, job, n) else next_ms = math.min(next_ms, at_ms) end
  end
  if next_ms < math.huge then schedule(id, next_ms) end
  finish_if_final(id, job)
end

-- A campaign goes with the last of its jobs, and its key with it.
local function purge_campaign(id)
  local campaign = redis.call('HMGET', key('campaign', id), 'key', 'jobs')
  local purged = redis.call('HINCRBY', key('campaign', id), 'purged', 1)
  if purged < (tonumber(campaign[2]) or 0) then return end
  if campaign[1] then forget_key(campaign[1], id) end
  redis.call('UNLINK', key('campaign', id), key('campaign_jobs', id), key('timeline', id))
  redis.call('ZREM', key('campaigns'), id)
  redis.call('ZREM', key('aligning'), id)
end

-- What is counted of the ledger goes down. Its campaign's own counts stay what they are until it goes:
-- they speak of all its recipients, and it is judged by them.
local function purge(id, job)
  if not forget_keys(id, job) then return end
  count({}, 'job:' .. job.state, -1)
  for n = 1, tonumber(job.messages) do
    for _, state in ipairs(RECIPIENT_STATES) do
      local recipients = tonumber(redis.call('HGET', key('message', id, n), state)) or 0
      count({}, 'recipient:' .. state, -recipients)
    end
  end
  unlink_all(keys_of(id, job))
  redis.call('ZREM', due, id)
  redis.call('ZREM', key('listed', 'dead'), id)
  if job.campaign then purge_campaign(job.campaign) end
end

local looked_at, cost = 0, 0
for _, id in ipairs(ids) do
  if cost >= MOST then break end
  looked_at = looked_at + 1
  local job = load(key('job', id))
  local capped = job and capped_size(job)
  if not job then
    redis.call('ZREM', due, id)
  elseif job.state == 'queued' or job.state == 'waiting' then
    if job.expires_at_ms and tonumber(job.expires_at_ms) <= NOW_MS then
      move(id, job, 'expired', 'not sent in time')
    elseif job.state == 'waiting' then
      requeue(id, job)
    else
      redis.call('ZREM', due, id)
    end
  elseif job.state == 'submitting' then
    end_lease(id, job)
  elseif job.state == 'unknown' and job.is_proven then
    accept(id, job, ARGV[7], ARGV[6])
    finish_if_final(id, job)
  elseif job.state == 'accepted' then
    give_up_polling(id, job)
    cost = cost + tonumber(job.size)
  elseif job.state == 'dead' and tonumber(job.changed_at_ms) + RETENTION_MS > NOW_MS then
    forget_texts(id, job)
    schedule(id, tonumber(job.changed_at_ms) + RETENTION_MS)
  elseif FINAL[job.state] then
    purge(id, job)
  end
  if job then cost = cost + (job.counted and 0 or capped) + 3 * (tonumber(job.messages) - 1) end
end
return {looked_at, rings}
