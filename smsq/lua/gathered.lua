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

-- Takes one recipient out of a job that is not on its way: nothing of it is sent, the others stay.
-- Returns whether it was still there to be taken out.
local function take_out(id, job, ordinal, why)
  local send = read_send(id, ordinal)
  if not send or send.left ~= '' then return false end
  local bucket = bucket_key(id, 1, tonumber(redis.call('HGET', key('message', id, 1), 'buckets')), send.phone)
  if redis.call('HGET', bucket, send.phone) ~= '' then return false end
  give_back_cap(id, job, {send.phone})
  redis.call('HDEL', bucket, send.phone)
  redis.call('HDEL', key('texts', id, 1), send.phone)
  redis.call('ZREM', key('deadlines', id), int(ordinal))
  redis.call('LSET', key('gathered', id), int(ordinal - 1), send.row .. '|' .. why .. '|' .. int(NOW_MS))
  redis.call('HINCRBY', key('message', id, 1), 'pending', -1)
  job.size = redis.call('HINCRBY', key('job', id), 'size', -1)
  count(job, 'recipient:pending', -1)
  tell_job(id .. '.' .. name_send(ordinal, send.tag), job, why)
  return true
end

-- Takes out every recipient whose own time has passed; returns whether any recipient is left, and how
-- many were looked at.
local function take_out_late(id, job)
  local late = redis.call('ZRANGEBYSCORE', key('deadlines', id), '-inf', int(NOW_MS))
  for _, ordinal in ipairs(late) do take_out(id, job, tonumber(ordinal), 'expired') end
  return tonumber(job.size) > 0, #late
end
