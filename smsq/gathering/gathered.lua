-- gathered.lua: the sends of a gathered job. Every script begins with it, after accepted.lua.
--
-- A gathered job is a bulk job of one personal message whose recipients were enqueued one by one.
-- Each is known to its caller by an id of its own, <job id>.<ordinal>.<tag>, ordinals counted from 1.

-- Takes an own id apart; nil for any other.
local function read_own_id(some_id)
  local job_id, ordinal = string.match(some_id, '^(j%x+)%.(%d+)')
  return job_id, tonumber(ordinal)
end

local function read_send(id, ordinal)
  local row = redis.call('LINDEX', key('gathered', id), int(ordinal - 1))
  if not row then return nil end
  local phone, _, tag, left = read_row(row)
  return {row = row, phone = phone, tag = tag, left = left}
end

-- The value of a send's recipient, and its bucket; '' while nothing is known of it.
local function recipient_of(id, send)
  local bucket = bucket_key(id, 1, tonumber(redis.call('HGET', key('message', id, 1), 'buckets')), send.phone)
  return redis.call('HGET', bucket, send.phone), bucket
end

-- What it costs to take one out.
local LEAVE_COST = 14

-- The newest claim that had the sends which leave now. One that prepares its request is none of them.
local function newest_that_had(job)
  return job.state == 'submitting' and job.claimed_before or job.claims
end

-- Takes one send out of a job: nothing of it is sent, the others stay. `claim`: the newest that had it.
local function take_out(id, job, ordinal, send, why, claim)
  local _, bucket = recipient_of(id, send)
  local days = give_back_cap(id, job, 1, {send.phone})
  redis.call('HDEL', bucket, send.phone)
  redis.call('HDEL', key('texts', id, 1), send.phone)
  redis.call('ZREM', key('deadlines', id), int(ordinal))
  redis.call('LSET', key('gathered', id), int(ordinal - 1), send.row .. '|' .. why .. '|' .. int(NOW_MS))
  if tonumber(claim) > 0 then redis.call('HSET', key('gone', id), int(ordinal), claim .. '|' .. days) end
  job.size = redis.call('HINCRBY', key('job', id), 'size', -1)
  count_recipients(id, job, 1, 'pending', -1)
  local name = name_send(ordinal, send.tag)
  tell_job(id .. '.' .. name, job, why)
  tell_recipients({id, '', 1, '', ordinals = {[send.phone] = name}}, {send.phone}, 'pending', 'undelivered', why)
end

-- A send that may be out stays in its job, is counted and polled for; only what is sent from now on
-- goes without it. Why, and the newest claim that had it, are kept until it is known to be out or not.
local function leave_out(id, job, ordinal, phone, why, rule)
  keep_cap(id, job)
  redis.call('HDEL', key('texts', id, 1), phone)
  redis.call('ZREM', key('deadlines', id), int(ordinal))
  local kept = why .. '|' .. newest_that_had(job) .. '|' .. phone .. (rule and '|' .. rule or '')
  redis.call('HSETNX', key('left_out', id), int(ordinal), kept)
end

-- True where nobody knows whether a send is out, whatever becomes of its job.
local function is_left_out(id, ordinal) return redis.call('HEXISTS', key('left_out', id), int(ordinal)) == 1 end

-- The newest claim that had a send which left for certain; 0 for none.
local function gone_after(id, ordinal)
  return string.match(redis.call('HGET', key('gone', id), int(ordinal)) or '0', '^%d+')
end

-- Sends that a rule takes out, for good: an attempt more must not decide anew what may be out.
local function leave_by_rule(id, job, phones, rule)
  local is_out, claim = {}, newest_that_had(job)
  for _, phone in ipairs(phones) do is_out[phone] = true end
  local rows = tonumber(claim) > 0 and redis.call('LRANGE', key('gathered', id), 0, -1) or {}
  for ordinal, row in ipairs(rows) do
    local phone, _, _, left = read_row(row)
    if left == '' and is_out[phone] and job.may_be_out then
      leave_out(id, job, ordinal, phone, 'withheld', rule)
    elseif left == '' and is_out[phone] then
      redis.call('HSET', key('gone', id), int(ordinal), claim .. '|')
    end
  end
  if not job.may_be_out then withhold(id, 1, job, phones, rule) end
end

-- What becomes of a send that is not to be sent (any more): `why`, 'unknown' where it may be out,
-- 'done' where it was withheld, or how it left before.
local function leave(id, job, ordinal, why)
  local send = read_send(id, ordinal)
  if send.left ~= '' then return send.left end
  if recipient_of(id, send) ~= '' then return 'done' end
  if job.may_be_out then
    leave_out(id, job, ordinal, send.phone, why)
    return 'unknown'
  end
  take_out(id, job, ordinal, send, why, newest_that_had(job))
  return why
end

-- A job ended unsent, and nobody brought it back since: its pending recipients have ended as well. Their
-- rows stay as they are: whoever reads them looks at the job.
function CHORES.unsent(id, job, place)
  local n, b = string.match(place, '^(%d+):(%d+)$')
  n, b = tonumber(n), tonumber(b)
  local ordinals = UNSENT[job.state] and read_ordinals(id, job)
  while UNSENT[job.state] and n <= tonumber(job.messages) do
    local message = redis.call('HMGET', key('message', id, n), 'buckets', 'message_id', 'pending')
    local buckets = (tonumber(message[3]) or 0) > 0 and tonumber(message[1]) or 0
    local told = {id, job.campaign or '', n, message[2] or '', ordinals = ordinals}
    work_left = work_left - MESSAGE_COST
    while b < buckets do
      if work_left <= 0 then return int(n) .. ':' .. int(b) end
      local phones = {}
      for phone, value in pairs(load(key('recipients', id, n, b)) or {}) do
        if value == '' or sub(value, 1, 1) == 'p' then phones[#phones + 1] = phone end
      end
      told.references = read_references(id, job, n, buckets, phones)
      tell_recipients(told, phones, 'pending', 'undelivered', job.state)
      work_left, b = work_left - 1 - #phones * (PHONE_COST + 1), b + 1
    end
    n, b = n + 1, 0
  end
  if not job.campaign then return end
  redis.call('HINCRBY', key('campaign', job.campaign), 'telling', -1)
  MOVED[job.campaign] = true
end

-- How many sends the next request would have.
local function count_left(id, job)
  local left = tonumber(job.size)
  return job.may_be_out and left - redis.call('HLEN', key('left_out', id)) or left
end

-- A send that was left out: it is out with its job, or leaves it, or is left as it is.
local function judge_left_out(id, job, ordinal, left_out)
  local why, claim, rule = string.match(left_out, '^(%a+)|(%d+)|%d+|?(.*)$')
  local fate, send = fate_of(job, claim), read_send(id, ordinal)
  if fate == 'open' then return end
  redis.call('HDEL', key('left_out', id), int(ordinal))
  if fate == 'out' or send.left ~= '' or recipient_of(id, send) ~= '' then return end
  if why ~= 'withheld' then return take_out(id, job, ordinal, send, why, claim) end
  redis.call('HSET', key('gone', id), int(ordinal), claim .. '|')
  withhold(id, 1, job, {send.phone}, rule)
end

-- A send that left for certain, and is or may be out after all, is in its job again, which the gateway
-- has. Who was withheld stays so, as in every job: the polls find who is reported all the same.
local function bring_back(id, job, ordinal, gone)
  local claim, days = string.match(gone, '^(%d+)|(.*)$')
  local fate, send = fate_of(job, claim), read_send(id, ordinal)
  if fate == 'unsent' or send.left == '' or job.state == 'done' then return end
  redis.call('HDEL', key('gone', id), int(ordinal))
  redis.call('LSET', key('gathered', id), int(ordinal - 1), string.match(send.row, '^[^|]*|[^|]*'))
  local _, bucket = recipient_of(id, send)
  redis.call('HSET', bucket, send.phone, '')
  job.size = redis.call('HINCRBY', key('job', id), 'size', 1)
  count_recipients(id, job, 1, 'pending', 1)
  count_again(days, {send.phone})
  if fate == 'open' then
    redis.call('HSET', key('left_out', id), int(ordinal), send.left .. '|' .. claim .. '|' .. send.phone)
  end
  tell_job(id .. '.' .. name_send(ordinal, send.tag), {state = send.left}, fate == 'open' and 'unknown' or job.state)
end

-- Something became known of a claim, or of the job: looks again at each send that left after a claim had it.
function CHORES.judge(id, job, place)
  local from, ordinals = tonumber(string.match(place, '^%d+')), {}
  for _, name in ipairs({'left_out', 'gone'}) do
    for _, ordinal in ipairs(redis.call('HKEYS', key(name, id))) do table.insert(ordinals, tonumber(ordinal)) end
  end
  table.sort(ordinals)
  for _, ordinal in ipairs(ordinals) do
    if ordinal >= from and work_left <= 0 then return int(ordinal) .. ':0' end
    if ordinal >= from then
      local left_out = redis.call('HGET', key('left_out', id), int(ordinal))
      local gone = not left_out and redis.call('HGET', key('gone', id), int(ordinal))
      if left_out then judge_left_out(id, job, ordinal, left_out) end
      if gone then bring_back(id, job, ordinal, gone) end
      work_left = work_left - LEAVE_COST
    end
  end
  finish_if_final(id, job)
end

-- Takes sends out whose own time has passed, as many as one call can; returns whether any is left to be
-- sent, and whether all of those are in time.
local function take_out_late(id, job)
  local most = math.max(1, math.floor(work_left / LEAVE_COST))
  local late = redis.call('ZRANGEBYSCORE', key('deadlines', id), '-inf', int(NOW_MS), 'LIMIT', 0, most)
  for _, ordinal in ipairs(late) do leave(id, job, tonumber(ordinal), 'expired') end
  work_left = work_left - #late * LEAVE_COST
  return count_left(id, job) > 0, #late < most
end
