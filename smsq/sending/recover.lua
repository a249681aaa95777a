-- recover.lua: give every job that is due its next step, and say which ones to ring.
-- needs unprepared.lua
-- needs take_tick.lua
-- needs measure.lua
--
-- ARGV[4]  limit             most jobs in one call
-- ARGV[5]  max_attempts      a job to be resent is held instead once it has made so many
-- ARGV[6]  first_poll_ms     a job that a receipt proved accepted is polled after this long
-- ARGV[7]  horizon_ms        and given up after this long
-- ARGV[8]  quiet             names the quiet hours in force; '' when the caller does not say
-- ARGV[9]  tick              beat's tick that it is for; '' for none
-- ARGV[10] apart_ms          so soon after another it is superseded, and nothing is looked at
-- ARGV[11] heartbeat_s       for so long it is remembered when a tick was worked off
-- returns  {number of jobs looked at, {{job id, kind, priority}, ...} to ring}; 0: nothing is due; -1: superseded
if ARGV[9] ~= '' and not take_tick(ARGV[9], ARGV[10]) then return {-1, {}} end
local due = key('due')
local limit = tonumber(ARGV[4])
-- What a step of a job costs that does not grow with it.
local STEP_COST = 12

-- Jobs that wait for the end of quiet hours that were changed are looked at now: the claim holds
-- them back again where the new hours do.
local function release_held()
  local held_by = redis.call('GET', key('held_by'))
  if ARGV[8] == '' or not held_by or held_by == ARGV[8] then return end
  -- Each looks for its place in the line.
  local MOST_RELEASED = 100
  local held = redis.call('ZRANGE', key('held'), 0, MOST_RELEASED - 1)
  for _, id in ipairs(held) do
    schedule_in_turn(id, NOW_MS)
    redis.call('ZREM', key('held'), id)
  end
  if #held < MOST_RELEASED then redis.call('DEL', key('held_by')) end
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
  measure_request(job.kind == 'quick' and 'q' or 'b', 'unknown', 'lease', '')
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

-- A word that we do not know might hold a phone; as show_word in smsq/delivery/polls.py.
local function show_word(word)
  local masked, digits = string.gsub(word, '%d', '*')
  return digits >= 5 and masked or word
end

local function give_up_bucket(id, job, n, told, bucket)
  local given_up = {}
  local k, changed, counts = key('recipients', id, n, bucket), {}, {pending = 0, sent = 0}
  told.references = job.has_references and load(key('references', id, n, bucket))
  for phone, value in pairs(load(k) or {}) do
    local letter = string.sub(value, 1, 1)
    if letter == '' or letter == 'p' or letter == 's' then
      local state = letter == 's' and 'sent' or 'pending'
      given_up[#given_up + 1] = phone
      changed[#changed + 1] = phone
      changed[#changed + 1] = 'n' .. (value == '' and '||' or string.sub(value, 2))
      counts[state] = counts[state] + 1
      local word = string.match(value, '^.|[^|]*|(.*)$') or ''
      tell_recipients(told, {phone}, state, 'no_report', show_word(word))
    end
  end
  hset_all(k, changed)
  measure_final(job, told, given_up, 'no_report')
  for state, by in pairs(counts) do
    count_recipients(id, job, n, state, -by)
    count_recipients(id, job, n, 'no_report', by)
  end
  work_left = work_left - 12 - #changed / 4
end

-- Gives up the messages whose horizon has passed, from a place on. Each has one of its own: the job is
-- looked at again at the next one's, which `next_horizon_ms` keeps from slice to slice.
local function give_up_from(id, job, place)
  local n, b = string.match(place, '^(%d+):(%d+)$')
  n, b = tonumber(n), tonumber(b)
  local next_ms = tonumber(place ~= '1:0' and job.next_horizon_ms) or math.huge
  while n <= tonumber(job.messages) do
    local message = redis.call('HMGET', key('message', id, n), 'starts_at_ms', 'message_id', 'buckets', 'alphaname_id')
    local at_ms = given_up_at_ms(job, message[1], ARGV[7])
    local is_due = at_ms <= NOW_MS and unfinished(id, n) > 0
    local told = {id, job.campaign or '', n, message[2] or '', ordinals = is_due and read_ordinals(id, job), alphaname_id = message[4]}
    while is_due and b < tonumber(message[3]) do
      if work_left <= 0 then
        redis.call('HSET', key('job', id), 'next_horizon_ms', int(math.min(next_ms, 9e15)))
        return int(n) .. ':' .. int(b)
      end
      give_up_bucket(id, job, n, told, b)
      b = b + 1
    end
    if at_ms <= NOW_MS then stop_polling(id .. ':' .. n) else next_ms = math.min(next_ms, at_ms) end
    work_left, n, b = work_left - 4, n + 1, 0
    if work_left <= 0 and n <= tonumber(job.messages) then
      redis.call('HSET', key('job', id), 'next_horizon_ms', int(math.min(next_ms, 9e15)))
      return int(n) .. ':0'
    end
  end
  redis.call('HDEL', key('job', id), 'next_horizon_ms')
  if next_ms < 9e15 then schedule(id, next_ms) end
  finish_if_final(id, job)
end

local function purge_campaign(id)
  local campaign = redis.call('HMGET', key('campaign', id), 'key', 'jobs', 'names')
  local purged = redis.call('HINCRBY', key('campaign', id), 'purged', 1)
  if purged < (tonumber(campaign[2]) or 0) then return end
  if campaign[1] then forget_key(campaign[1], id) end
  if campaign[3] then take_out_reference(campaign[3], id) end
  redis.call('UNLINK', key('campaign', id), key('campaign_jobs', id), key('timeline', id))
  redis.call('ZREM', key('campaigns'), id)
  redis.call('ZREM', key('aligning'), id)
end

-- What is counted of the ledger goes down. Its campaign's own counts stay what they are until it goes:
-- they speak of all its recipients, and it is judged by them.
local function purge_from(id, job, place)
  local next_place = unlink_job_from(id, job, place, function(n)
    for i, recipients in ipairs(redis.call('HMGET', key('message', id, n), unpack(RECIPIENT_STATES))) do
      count({}, 'recipient:' .. RECIPIENT_STATES[i], -(tonumber(recipients) or 0))
    end
  end)
  if next_place then return next_place end
  count({}, 'job:' .. job.state, -1)
  redis.call('ZREM', due, id)
  redis.call('ZREM', key('listed', 'dead'), id)
  if job.campaign then purge_campaign(job.campaign) end
end

CHORES.purge, CHORES.giveup = purge_from, give_up_from

-- What is begun goes on by itself; the job is looked at again should it stop.
local LOOK_AGAIN_MS = 60000

local function begin_chore(id, job, name)
  schedule(id, NOW_MS + LOOK_AGAIN_MS)
  if not string.find(job.chores or '', name, 1, true) then add_chore(id, job, name) end
end

local function purge(id, job)
  if not forget_keys(id, job) then return end
  job.chores = string.match(job.chores or '', '^purge.*')
  begin_chore(id, job, 'purge')
end

local function take_next_step(id, job)
  if job.state == 'queued' or job.state == 'waiting' then
    if job.expires_at_ms and tonumber(job.expires_at_ms) <= NOW_MS then
      move(id, job, 'expired', 'not sent in time')
    elseif job.state == 'waiting' then
      requeue(id, job)
    elseif redis.call('ZSCORE', key('ready', job.priority), id) then
      redis.call('ZREM', due, id)
    else
      requeue(id, job)  -- it could not even be set aside: see put_aside
    end
  elseif job.state == 'submitting' then
    end_lease(id, job)
  elseif job.state == 'unknown' and job.is_proven then
    accept(id, job, ARGV[7], ARGV[6])
    finish_if_final(id, job)
  elseif job.state == 'accepted' then
    begin_chore(id, job, 'giveup')
  elseif job.state == 'dead' and tonumber(job.changed_at_ms) + RETENTION_MS > NOW_MS then
    forget_texts(id, job)
    schedule(id, tonumber(job.changed_at_ms) + RETENTION_MS)
  elseif FINAL[job.state] then
    purge(id, job)
  end
end

-- What raises here is that job's alone.
local PUT_OFF_MS = 3600000

local looked_at = 0
for _, id in ipairs(ids) do
  if work_left <= 0 then break end
  looked_at = looked_at + 1
  work_left = work_left - STEP_COST
  guard(function()
    local job = load(key('job', id))
    if job then take_next_step(id, job) else redis.call('ZREM', due, id) end
  end, function() schedule(id, NOW_MS + PUT_OFF_MS) end)
end

-- However many jobs are due, what was begun goes on.
local CHORES_WORK, MOST_CHORES = 300, 50
work_left = math.max(work_left, CHORES_WORK)
local begun = redis.call('ZRANGEBYSCORE', key('chores'), '-inf', int(NOW_MS), 'LIMIT', 0, MOST_CHORES)
for _, id in ipairs(begun) do
  if work_left <= 0 then break end
  looked_at = looked_at + 1
  guard(function()
    local job = load(key('job', id))
    if job and job.chores then do_chores(id, job) else redis.call('ZREM', key('chores'), id) end
  end, function() redis.call('ZADD', key('chores'), int(NOW_MS + PUT_OFF_MS), id) end)
end

if ARGV[9] ~= '' then
  redis.call('SET', key('heartbeat'), string.format('%.3f', NOW_US / 1e6), 'EX', ARGV[11])
end
return {looked_at, rings}
