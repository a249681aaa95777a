-- gather.lua: put one recipient into an open gathered job, or open a new one for it.
-- needs idempotency.lua
-- needs reserve.lua
--
-- An open job waits until it closes. It takes recipients until its first move, whatever moves it:
-- full or due (queued), cancelled, expired; `move` in move.lua sees to that.
--
-- ARGV[4]  id             of the job, should a new one be opened
-- ARGV[5]  job            JSON: fields of the job's hash that all its sends share
-- ARGV[6]  message        JSON: fields of its message
-- ARGV[7]  group          digest of all that the sends of one job have in common
-- ARGV[8]  phone
-- ARGV[9]  text
-- ARGV[10] expires_in_ms  of this send; '' for never
-- ARGV[11] key            digest of the idempotency key, '' for none
-- ARGV[12] content        digest of what is to be sent
-- ARGV[13] is_again       1: what ended unsent for certain under this key is sent again
-- ARGV[14] most           sends in one job, those that were taken out again included
-- ARGV[15] buckets        of its recipients
-- ARGV[16] open_ms        a job closes by itself so long after it was opened
-- ARGV[17] tag            random letters, so that nobody can guess the own id
-- ARGV[18] names          its reference and tags (index.lua); '' for none
-- ARGV[19] candidate      a secret for the index, should there be none yet
-- ARGV[20] has_phone      1: the send is to be found by its phone
-- ARGV[21] traceparent    of the span that it comes from; '' for none
-- returns  {'new', own id, its job's state, ids of jobs that closed and are to be rung}
--          {'same' | 'conflict' | 'refused', the earlier id, its state}: see idempotency.lua
--          {'taken', id}
if redis.call('EXISTS', key('job', ARGV[4])) == 1 then return {'taken', ARGV[4], ''} end
local earlier = answer_repeat(ARGV[11], ARGV[12], ARGV[13] == '1')
if earlier then return earlier end
keep_reserve(false)

local phone, expires_at_ms = ARGV[8], tonumber(ARGV[10])
if expires_at_ms then expires_at_ms = NOW_MS + expires_at_ms end
local most, buckets, open_ms = tonumber(ARGV[14]), tonumber(ARGV[15]), tonumber(ARGV[16])
local group_key = key('open', ARGV[7])
-- A message cannot have a phone twice. So many jobs of a group are open before the oldest has to go.
local MOST_OPEN = 4
local closed = {}

local function close(id, job)
  move(id, job, 'queued')
  table.insert(closed, id)
end

-- The oldest open job that takes this phone, and closes after all that have an earlier text for it.
local function find_open()
  local found, oldest, open = nil, nil, 0
  for _, id in ipairs(redis.call('LRANGE', group_key, 0, -1)) do
    local job = load(key('job', id))
    if not job or not job.is_open then
      redis.call('LREM', group_key, 0, id)
    elseif tonumber(job.closes_at_ms) <= NOW_MS then
      close(id, job)
    else
      open = open + 1
      oldest = oldest or {id, job}
      local has_phone = redis.call('HEXISTS', bucket_key(id, 1, buckets, phone), phone) == 1
      found = not has_phone and (found or {id, job}) or nil
    end
  end
  if found then return found[1], found[2] end
  if open >= MOST_OPEN then close(oldest[1], oldest[2]) end
  return nil
end

-- A job that is full does not overtake those that were opened before it.
local function close_up_to(id, job)
  for _, earlier_id in ipairs(redis.call('LRANGE', group_key, 0, -1)) do
    if earlier_id == id then break end
    local earlier = load(key('job', earlier_id))
    if earlier and earlier.is_open then close(earlier_id, earlier) end
  end
  close(id, job)
end

local function open_job(id)
  local job, message = cjson.decode(ARGV[5]), cjson.decode(ARGV[6])
  job.messages, job.size, job.attempts, job.claims = 1, 0, 0, 0
  job.group = ARGV[7]
  job.created_at_ms, job.closes_at_ms = int(NOW_MS), int(NOW_MS + open_ms)
  if expires_at_ms then job.expires_at_ms = int(expires_at_ms) end
  message.buckets, message.pending = buckets, 0
  for k, fields in pairs({[key('job', id)] = job, [key('message', id, 1)] = message}) do
    for name, value in pairs(fields) do redis.call('HSET', k, name, value) end
  end
  list_by_time(id, NOW_MS)
  move(id, job, 'waiting')
  schedule_in_turn(id, NOW_MS + open_ms)
  job.is_open = '1'
  redis.call('HSET', key('job', id), 'is_open', 1)
  redis.call('ZADD', key('gathering'), job.closes_at_ms, id)
  redis.call('RPUSH', group_key, id)
  return id, job
end

-- A job expires as a whole only when each of its sends does, and then with the last of them.
local function note_expiry(id, job, ordinal)
  if expires_at_ms then redis.call('ZADD', key('deadlines', id), int(expires_at_ms), ordinal) end
  if not job.expires_at_ms then return end
  if not expires_at_ms then
    job.expires_at_ms = nil
    redis.call('HDEL', key('job', id), 'expires_at_ms')
  elseif expires_at_ms > tonumber(job.expires_at_ms) then
    job.expires_at_ms = int(expires_at_ms)
    redis.call('HSET', key('job', id), 'expires_at_ms', job.expires_at_ms)
  end
end

-- The request's span links to those of its senders: to the first, so many as smsq/tracing.py says.
local MOST_TRACES = 32
local function keep_trace(id, job)
  if ARGV[21] == '' then return end
  local kept = split(job.traceparents or '', ' ')
  if #kept >= MOST_TRACES then return end
  table.insert(kept, ARGV[21])
  redis.call('HSET', key('job', id), 'traceparents', table.concat(kept, ' '))
end

local id, job = find_open()
if not id then id, job = open_job(ARGV[4]) end
redis.call('HSET', bucket_key(id, 1, buckets, phone), phone, '')
redis.call('HSET', key('texts', id, 1), phone, ARGV[9])
local ordinal = redis.call('RPUSH', key('gathered', id), phone .. '|' .. int(NOW_MS) .. '.' .. ARGV[17])
if ARGV[18] ~= '' then redis.call('HSET', key('names', id), int(ordinal), ARGV[18]) end
if ARGV[20] == '1' then add_to_index(ARGV[19], 'p', phone, id .. '.' .. int(ordinal)) end
add_reference(ARGV[19], ARGV[18], id .. '.' .. int(ordinal))
redis.call('HINCRBY', key('message', id, 1), 'pending', 1)
job.size = redis.call('HINCRBY', key('job', id), 'size', 1)
count(job, 'recipient:pending', 1)
note_expiry(id, job, ordinal)
keep_trace(id, job)
local own_id = id .. '.' .. name_send(ordinal, ARGV[17])
hold_key(ARGV[11], own_id, ARGV[12])
if ARGV[11] ~= '' then redis.call('RPUSH', key('keys', id), ARGV[11]) end
-- Sends that were taken out again count, too: what goes through all of them is bounded by that.
if ordinal >= most then close_up_to(id, job) end
return {'new', own_id, job.state, closed}
