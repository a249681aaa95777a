-- claim.lua: use a slot: take the right to make one request for what is most urgent now.
-- needs measure.lua
-- needs limit.lua
-- needs unprepared.lua
-- needs endpoints.lua
-- needs rules.lua
-- needs cap.lua
-- needs request.lua
-- needs paging.lua
--
-- The claim stands in the ledger before the first byte goes out. With it comes the first slice of the
-- request, which is all of it but for large jobs; prepare.lua hands out the others.
--
-- ARGV[6]  poll_share       of the slots, while sends wait too
-- ARGV[7]  epoch            of the slot
-- ARGV[8]  is_probe         1: the slot is the one probe after a closing
-- ARGV[9]  had_to_wait      1: the slot was not free at once, so the rate is in full use
-- ARGV[10] send_lease_ms    a claim ends by itself after this long, and the job becomes unknown
-- ARGV[11] poll_lease_ms
-- ARGV[12], ARGV[13]        see rules.lua
-- returns  {'job', id, claim number, job hash flat, {{n, message hash flat, phones, their texts}, ...},
--           1 when slices are left}
--          {'poll', ref, poll number, message_id, offset, age_ms, recipients, buckets,
--           1 for the first page of its poll}
--          {'early', wait_us}: the request before it started late, or much was passed by that may
--                  not be sent now; ask again then
--          {'regions', id}, {'calendar', week, regions, id}: write these down first, see rules.lua; what
--                  raises here is that job's alone, see unprepared.lua
--          {'void'}: the slot is worth nothing, reserve another; {'nothing'}: somebody else took what waited
local l = limiter_state()
heed_restore(l)
local gates = endpoint_gates(l)
local is_closed_for_it = l.closed_until_us > NOW_US and not (ARGV[8] == '1' and l.fresh)
if ARGV[7] ~= int(l.epoch) or is_closed_for_it then return {'void'} end

local apart = apart_us(l)
-- A claim that comes late can be made up for by the next two.
local spare = math.max(0, math.min(spare_of(allowed_burst(l)), allowed_burst(l) - 3))
local due_us, used_burst = next_from_bucket(l, l.used_us, l.used_burst, spare)
-- A fiftieth of a slot is within what timers can do.
local early_us = due_us - 0.02 * apart - NOW_US
if early_us > 0 and ARGV[8] ~= '1' then return {'early', math.ceil(early_us)} end

-- Urgent before normal before bulk, but who is passed over nine times has the tenth slot; polls
-- collect their share while sends go out.
local PASSED_OVER = 9

local function choose(waiting)
  local rest = waiting.normal or waiting.bulk
  local sends = waiting.urgent or rest
  if waiting.poll and (not sends or (tonumber(l.poll_owed) or 0) >= 1) then
    if sends then redis.call('HINCRBYFLOAT', LIMITER, 'poll_owed', -1) end
    return 'poll'
  end
  if waiting.poll then
    local share = tonumber(ARGV[6])
    redis.call('HINCRBYFLOAT', LIMITER, 'poll_owed', share / (1 - share))
  end
  if waiting.urgent and not (rest and (tonumber(l.urgent_streak) or 0) >= PASSED_OVER) then
    if rest then redis.call('HINCRBY', LIMITER, 'urgent_streak', 1) end
    return 'urgent'
  end
  redis.call('HDEL', LIMITER, 'urgent_streak')
  if waiting.normal and not (waiting.bulk and (tonumber(l.normal_streak) or 0) >= PASSED_OVER) then
    if waiting.bulk then redis.call('HINCRBY', LIMITER, 'normal_streak', 1) end
    return 'normal'
  end
  redis.call('HDEL', LIMITER, 'normal_streak')
  return 'bulk'
end

-- After a closing of its endpoint, the request is the one that finds out.
local function take_probe(class, id, lease_ms)
  local kind = (gates.kind_of(class, id))
  if not l['closed_until_us_' .. kind] then return end
  save_limiter('prober_' .. kind, id, 'probe_until_us_' .. kind, int(NOW_US + 1000 * tonumber(lease_ms)))
end

-- Counts the request in, and moves the learnt rate on.
local function use_slot(class)
  local used_us = math.max(l.used_us, NOW_US) + apart
  local planned_us = math.max(l.planned_us, used_us)
  save_limiter('used_us', string.format('%.1f', used_us), 'used_burst', used_burst,
    'planned_us', string.format('%.1f', planned_us), 'claimed_us', int(math.max(tonumber(l.claimed_us) or 0, class == 'poll' and 0 or NOW_US)))
  redis.call('HINCRBY', key('counts'), 'slots:' .. class, 1)
  redis.call('HINCRBY', LIMITER, 'period_used', 1)
  if l.plateau_per_s and ARGV[9] == '1' then
    l.grown_us = tonumber(l.grown_us) + apart
    if rate_now(l) >= l.ceiling then
      redis.call('HDEL', LIMITER, 'plateau_per_s', 'dip_us', 'span_us', 'grown_us', 'succession')
    else
      redis.call('HSET', LIMITER, 'grown_us', int(l.grown_us))
    end
  end
end

-- What a job costs that is passed by, and one that is held back until quiet hours end.
local PASSED_COST, HELD_COST = 20, 40

-- Steps of a claim, in their order. Each returns true where the job goes no further.

-- What is left to do from before comes first: the cap may be giving back what it counted.
local function finish_chores(id, job)
  if not job.chores then return false end
  do_chores(id, job)
  return job.chores ~= nil
end

-- Parks it, calls it off, or finds it accepted.
local function heed_brake_and_proof(id, job)
  if not braked(job) and not job.is_proven then return false end
  move(id, job, 'queued')
  return true
end

local function expire_late(id, job)
  local is_late = job.expires_at_ms and tonumber(job.expires_at_ms) <= NOW_MS
  local is_left, is_through = true, true
  if job.is_gathered and not is_late then is_left, is_through = take_out_late(id, job) end
  -- The next call goes on with the others.
  if is_left and not is_through then return true end
  if not is_late and is_left then return false end
  move(id, job, 'expired', 'not sent in time')
  return true
end

-- Second: a question.
local function heed_quiet_hours(id, job)
  local answer = job.priority ~= 'urgent' and check_calendar(id, job)
  if not answer then return false end
  if answer ~= 'held' then return true, answer end
  work_left = work_left - HELD_COST
  return true
end

-- The job is ours: what the request begins with, and whether slices are left.
local function begin_attempt(id, job, parts, progress)
  local lease_until_ms = NOW_MS + tonumber(ARGV[10])
  -- A count would repeat a number that a crash of Redis forgot, and two claims could settle as one.
  local claim = math.max(tonumber(job.claims) + 1, NOW_US)
  measure_job_wait(job)
  count_attempt(id, job, 1)
  if job.is_gathered then redis.call('HSET', key('job', id), 'claimed_before', job.claims) end
  redis.call('HSET', key('job', id), 'claims', int(claim), 'lease_until_ms', int(lease_until_ms))
  keep_progress(id, progress)
  move(id, job, 'submitting', nil, 'attempt ' .. int(tonumber(job.attempts) + 1))
  schedule(id, lease_until_ms)
  local flat = redis.call('HGETALL', key('job', id))
  for _, told in ipairs({'claimed_at_ms', int(NOW_MS)}) do table.insert(flat, told) end
  if job.expires_at_ms then
    for _, told in ipairs({'expires_in_ms', int(tonumber(job.expires_at_ms) - NOW_MS)}) do table.insert(flat, told) end
  end
  return {'job', id, claim, flat, parts, progress.place and 1 or 0}
end

-- Returns what claim.lua answers, or nil where the job cannot be claimed.
local function claim_job(class, id)
  local job = load(key('job', id))
  work_left = work_left - 1
  if not job or job.state ~= 'queued' then
    redis.call('ZREM', key('ready', class), id)
    return nil
  end
  work_left = work_left - PASSED_COST
  if finish_chores(id, job) or heed_brake_and_proof(id, job) or expire_late(id, job) then return nil end
  local is_over, question = heed_quiet_hours(id, job)
  if is_over then return question end

  local progress = read_progress(job)
  local parts, asked = prepare_slice(id, job, progress)
  if not parts then return asked end
  if progress.left > 0 then return begin_attempt(id, job, parts, progress) end
  if progress.place then
    keep_progress(id, progress)  -- nobody so far: the job goes on there, at its place in the line
  else
    end_without_recipients(id, job)
  end
  return nil
end

local function claim_poll(ref)
  local id, n = string.match(ref, '^(.*):(%d+)$')
  work_left = work_left - 4
  local message, job = load(key('message', id, n)), load(key('job', id))
  if not message or not job or not message.message_id
    or (unfinished(id, n) == 0 and not message.late_polls) then
    stop_polling(ref)
    return nil
  end
  measure_poll_wait(ref)
  redis.call('ZADD', key('polls'), int(NOW_MS + tonumber(ARGV[11])), ref)
  local size = 0
  for _, state in ipairs(RECIPIENT_STATES) do size = size + (tonumber(message[state]) or 0) end
  local number, offset, is_first = take_page(ref, key('message', id, n), message, size)
  local age_ms = NOW_MS - born_ms_of(job, message.starts_at_ms)
  return {'poll', ref, number, message.message_id, offset, age_ms, size, tonumber(message.buckets), is_first}
end

-- A claim that did not come about must not change whose turn it is.
local function take_turn_back()
  for _, name in ipairs({'poll_owed', 'urgent_streak', 'normal_streak'}) do
    if l[name] then redis.call('HSET', LIMITER, name, l[name]) else redis.call('HDEL', LIMITER, name) end
  end
end

-- What expired, went away or may not be sent now must not cost the slot, nor hold up Redis. While a
-- global probe fails, the classes take turns.
local IS_PROBE = ARGV[8] == '1'
local function narrow(found)
  local names, closings = {}, tonumber(l.closings) or 0
  for _, class in ipairs(CLASSES) do
    if found[class] then table.insert(names, class) end
  end
  if not IS_PROBE or #names == 0 or closings <= 2 then return found end
  local class = names[closings % #names + 1]
  return {[class] = found[class]}
end

local found, goes_on = gates.find_all_next(IS_PROBE)
while next(found) do
  found = narrow(found)
  local class = choose(found)
  local first, claim = found[class], nil
  if class == 'poll' then
    claim = guard(function() return claim_poll(first) end, function() put_poll_aside(first) end)
  else
    claim = guard(function() return claim_job(class, first) end,
      function(text) put_aside(class, first, 'cannot be prepared: ' .. text) end)
  end
  if claim and (claim[1] == 'job' or claim[1] == 'poll') then
    take_probe(class, first, class == 'poll' and ARGV[11] or ARGV[10])
    use_slot(class)
    return claim
  end
  if claim or work_left <= 0 then
    take_turn_back()
    if claim and claim[1] == 'calendar' then table.insert(claim, first) end
    -- Others get their turn at Redis; the caller asks again at once.
    return claim or {'early', 0}
  end
  found, goes_on = gates.find_all_next(IS_PROBE)
end
if goes_on then return {'early', 0} end

-- Give the slot back, unless later ones stand on it already.
redis.call('HDEL', LIMITER, 'probe_until_us')
if l.planned_us - apart <= NOW_US then
  redis.call('HSET', LIMITER, 'planned_us', string.format('%.1f', l.planned_us - apart))
end
return {'nothing'}
