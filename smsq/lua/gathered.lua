-- gathered.lua: the sends of a gathered job. Prepended to the scripts that need it.
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
local LEAVE_COST = 12

-- Takes one send out of a job that is not on its way: nothing of it is sent, the others stay.
local function take_out(id, job, ordinal, send, why)
  local _, bucket = recipient_of(id, send)
  give_back_cap(id, job, 1, {send.phone})
  redis.call('HDEL', bucket, send.phone)
  redis.call('HDEL', key('texts', id, 1), send.phone)
  redis.call('ZREM', key('deadlines', id), int(ordinal))
  redis.call('LSET', key('gathered', id), int(ordinal - 1), send.row .. '|' .. why .. '|' .. int(NOW_MS))
  job.size = redis.call('HINCRBY', key('job', id), 'size', -1)
  count_recipients(id, job, 1, 'pending', -1)
  tell_job(id .. '.' .. name_send(ordinal, send.tag), job, why)
end

-- A send that may be out stays in its job, is counted and polled for; only what is sent from now on
-- goes without it. Why, and the newest claim that had it, are kept until it is known to be out or not.
local function leave_out(id, job, ordinal, send, why)
  keep_cap(id, job)
  redis.call('HDEL', key('texts', id, 1), send.phone)
  redis.call('ZREM', key('deadlines', id), int(ordinal))
  redis.call('HSETNX', key('left_out', id), int(ordinal), why .. '|' .. job.claims .. '|' .. send.phone)
end

-- True where what becomes of its job says nothing of a send: the job goes on without it.
local function is_left_out(id, job, ordinal)
  local left_out = redis.call('HGET', key('left_out', id), int(ordinal))
  if not left_out then return false end
  return string.match(left_out, '|(%d+)|') ~= job.claims or job.state == 'queued' or job.state == 'waiting'
end

-- What becomes of a send that is not to be sent (any more): `why`, 'unknown' where it may be out,
-- 'done' where it was withheld, or how it left before.
local function leave(id, job, ordinal, why)
  local send = read_send(id, ordinal)
  if send.left ~= '' then return send.left end
  if recipient_of(id, send) ~= '' then return 'done' end
  if job.may_be_out then
    leave_out(id, job, ordinal, send, why)
    return 'unknown'
  end
  take_out(id, job, ordinal, send, why)
  return why
end

-- How many sends the next request would have.
local function count_left(id, job)
  local left = tonumber(job.size)
  return job.may_be_out and left - redis.call('HLEN', key('left_out', id)) or left
end

-- `leave`, whatever else of the job is in doubt.
local function leave_for_certain(id, job, ordinal, why)
  local send = read_send(id, ordinal)
  if send.left == '' and recipient_of(id, send) == '' then take_out(id, job, ordinal, send, why) end
end

-- News of a claim: what was left out since it was made is out, where it was accepted; where it was not,
-- it leaves the job as soon as no claim that had it is in doubt. Returns whether all were looked at: more
-- than one call can are left to the next claim.
local function settle_left_out(id, job, accepted_claim)
  local doubts, cursor = doubts_of(job), '0'
  local function is_settled(claim)
    if accepted_claim and tonumber(accepted_claim) <= tonumber(claim) then return true, true end
    for _, doubted in ipairs(doubts) do
      if tonumber(doubted) <= tonumber(claim) then return false end
    end
    -- What a receipt proved may be that claim, where no other was made since.
    return not (job.is_proven and job.claims == claim)
  end
  repeat
    local found = redis.call('HSCAN', key('left_out', id), cursor, 'COUNT', 50)
    cursor = found[1]
    for i = 1, #found[2], 2 do
      local why, claim = string.match(found[2][i + 1], '^(%a+)|(%d+)|')
      local is_known, is_out = is_settled(claim)
      work_left = work_left - 0.5
      if is_known then
        redis.call('HDEL', key('left_out', id), found[2][i])
        if not is_out then leave_for_certain(id, job, tonumber(found[2][i]), why) end
        work_left = work_left - LEAVE_COST
      end
    end
  until cursor == '0' or work_left <= 0
  return cursor == '0'
end

-- Takes sends out whose own time has passed, as many as one call can; returns whether any is left to be
-- sent, and whether all of those are in time.
local function take_out_late(id, job)
  if not job.may_be_out and not settle_left_out(id, job) then return true, false end
  local most = math.max(1, math.floor(work_left / LEAVE_COST))
  local late = redis.call('ZRANGEBYSCORE', key('deadlines', id), '-inf', int(NOW_MS), 'LIMIT', 0, most)
  for _, ordinal in ipairs(late) do leave(id, job, tonumber(ordinal), 'expired') end
  work_left = work_left - #late * LEAVE_COST
  return count_left(id, job) > 0, #late < most
end
