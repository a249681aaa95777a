-- accepted.lua: jobs that the gateway has: their ids, their polls, their end. Every script begins with
-- it, after store.lua.
-- When polling gives a message up. What is forwarded to Viber may be delivered so much later.
local function given_up_at_ms(job, starts_at_ms, horizon_ms)
  return born_ms_of(job, starts_at_ms) + tonumber(horizon_ms) + (tonumber(job.viber_after_min) or 0) * 60000
end

-- No receipt for so long: somebody or something else has to tell the ids.
local UNMATCHED_MS = 600000

-- The gateway never hears of a message all of whose recipients were taken out.
local function is_withheld(id, n)
  local counts = redis.call('HMGET', key('message', id, n), unpack(RECIPIENT_STATES))
  local withheld = tonumber(table.remove(counts)) or 0
  if withheld == 0 then return false end
  for i = 1, #RECIPIENT_STATES - 1 do
    if (tonumber(counts[i]) or 0) > 0 then return false end
  end
  return true
end

local function needs_id(id, n)
  return redis.call('HEXISTS', key('message', id, n), 'message_id') == 0 and not is_withheld(id, n)
end

local function lacks_ids(id, job)
  if job.idless then return tonumber(job.idless) > 0 end
  for n = 1, tonumber(job.messages) do
    if needs_id(id, n) then return true end
  end
  return false
end

-- One send of a gathered job, as its row tells: phone, when it joined, its tag ('' in rows from before
-- there were tags), and why it was taken out, '' for one that was not.
local function read_row(row) return string.match(row, '^(%d+)|(%d+)%.?(%w*)|?(%a*)') end

-- The gateway has the job: forget its texts and poll every message whose id is known. The others
-- are polled from the moment on when a receipt teaches their ids. The job is due when the first of its
-- messages is to be given up.
local function accept(id, job, horizon_ms, first_poll_ms)
  move(id, job, 'accepted', '')
  job.accepted_at_ms = int(NOW_MS)
  -- Workers of format 1 reckon a poll's age from born_at_ms, and raise without it.
  local starts_ms = redis.call('HGET', key('message', id, 1), 'starts_at_ms')
  redis.call('HSET', key('job', id), 'accepted_at_ms', job.accepted_at_ms, 'born_at_ms', int(born_ms_of(job, starts_ms or nil)))
  redis.call('HDEL', key('job', id), 'ready_at_ms', 'error_class')
  forget_texts(id, job)
  add_chore(id, job, 'polls', int(tonumber(first_poll_ms)))
  -- Of several messages the first to be given up may be any: recover looks.
  local starts_at_ms = tonumber(job.messages) == 1 and starts_ms
  schedule(id, given_up_at_ms(job, starts_at_ms or nil, horizon_ms))
  if lacks_ids(id, job) then
    redis.call('ZADD', key('listed', 'unmatched'), int(NOW_MS), id)
    redis.call('ZADD', key('lookups'), int(NOW_MS + UNMATCHED_MS), id)
  end
  if job.given_back then add_chore(id, job, 'count') end
  if job.is_gathered then add_chore(id, job, 'judge') end
end

-- What stands behind the job's id in an own id. The tag is random: without it an own id would be a counter,
-- and who holds one could name the others'.
local function name_send(ordinal, tag)
  return tag == '' and int(ordinal) or int(ordinal) .. '.' .. tag
end

-- For news of a gathered job: phone -> how its send is called behind the job's id.
local function read_ordinals(id, job)
  if not job.is_gathered or EVENTS_KEEP_MS == 0 then return nil end
  local ordinals = {}
  for ordinal, row in ipairs(redis.call('LRANGE', key('gathered', id), 0, -1)) do
    local phone, _, tag, left = read_row(row)
    if left == '' then ordinals[phone] = name_send(ordinal, tag) end
  end
  return ordinals
end

-- Takes phones out of a message for good.
local function withhold(id, n, job, phones, reason)
  if #phones == 0 then return end
  local message_key, texts = key('message', id, n), key('texts', id, n)
  local message = redis.call('HMGET', message_key, 'buckets', 'message_id')
  local told = {id, job.campaign or '', n, message[2] or '', ordinals = read_ordinals(id, job)}
  told.references = read_references(id, job, n, message[1], phones)
  local rows = {}
  for _, phone in ipairs(phones) do
    local k = bucket_key(id, n, tonumber(message[1]), phone)
    rows[k] = rows[k] or {}
    table.insert(rows[k], phone)
    table.insert(rows[k], 'w||' .. reason)
  end
  tell_recipients(told, phones, 'pending', 'withheld', reason)
  for k, row in pairs(rows) do hset_all(k, row) end
  if job.keep_texts ~= '1' then
    for i = 1, #phones, 4000 do
      redis.call('HDEL', texts, unpack(phones, i, math.min(i + 3999, #phones)))
    end
  end
  local needed_id = needs_id(id, n)
  count_recipients(id, job, n, 'pending', -#phones)
  count_recipients(id, job, n, 'withheld', #phones)
  if needed_id and not needs_id(id, n) then add_to_total(id, job, 'idless', -1) end
end

local function stop_polling(ref)
  redis.call('ZREM', key('polls'), ref)
  redis.call('ZREM', key('ready', 'poll'), ref)
end

local function has_texts(id, job)
  if job.texts_gone then return false end
  return redis.call('HEXISTS', key('message', id, 1), 'text') == 1 or redis.call('EXISTS', key('texts', id, 1)) == 1
    or is_withheld(id, 1)
end

-- It may have been accepted: nothing happens by itself until somebody or something tells.
local function hold_unknown(id, job, error)
  move(id, job, 'unknown', error)
end

local function unfinished(id, n)
  local counts = redis.call('HMGET', key('message', id, n), 'pending', 'sent')
  return (tonumber(counts[1]) or 0) + (tonumber(counts[2]) or 0)
end

-- Recipients whose state only a report changes that comes after all.
local function count_overridable(message_key)
  local counts = redis.call('HMGET', message_key, 'no_report', 'withheld')
  return (tonumber(counts[1]) or 0) + (tonumber(counts[2]) or 0)
end

-- So often a message is asked for whose id came after its horizon had passed.
local LATE_POLLS = 3

-- Keep a message's id, however it became known, and have the message polled so long from now, or from
-- its own beginning, on. An id that is known already must not bring a poll forward.
local function learn_id(id, job, n, message_id, poll_in_ms)
  local message_key, ref = key('message', id, n), id .. ':' .. n
  if needs_id(id, n) then add_to_total(id, job, 'idless', -1) end
  local known = redis.call('HMGET', message_key, 'message_id', 'starts_at_ms')
  redis.call('HSET', message_key, 'message_id', message_id)
  if known[1] ~= message_id then
    if job.state == 'accepted' and unfinished(id, n) > 0 then
      local due_ms = first_poll_at_ms(id, born_ms_of(job, known[2]), poll_in_ms)
      redis.call('ZADD', key('polls'), 'LT', int(due_ms), ref)
    elseif (job.state == 'done' or job.state == 'accepted') and count_overridable(message_key) > 0 then
      redis.call('HSET', message_key, 'late_polls', LATE_POLLS)
      redis.call('ZADD', key('polls'), int(NOW_MS), ref)
    end
  end
end

-- Keep ids, {message number = id}, whose numbers this job has; returns how many.
local function learn_ids(id, job, ids, poll_in_ms)
  local learnt = 0
  for n, message_id in pairs(ids) do
    n = tonumber(n)
    if n >= 1 and n <= tonumber(job.messages) then
      learn_id(id, job, n, message_id, poll_in_ms)
      learnt = learnt + 1
    end
  end
  if learnt > 0 and not lacks_ids(id, job) then unlist_unmatched(id) end
  return learnt
end

-- The gateway has the job, whoever says so: it is accepted, whatever it was, and never sent again. One
-- that is on its way is when its own answer comes. One of which everybody was withheld stays done: who is
-- reported all the same is found by the polls.
local function prove(id, job, horizon_ms, first_poll_ms)
  redis.call('HSET', key('job', id), 'is_proven', 1)
  job.is_proven = '1'
  if job.state == 'done' then
    redis.call('HSETNX', key('job', id), 'accepted_at_ms', int(NOW_MS))
    if job.campaign then redis.call('HSET', key('campaign', job.campaign), 'is_proven', 1) end
  elseif job.state ~= 'accepted' and job.state ~= 'submitting' then
    accept(id, job, horizon_ms, first_poll_ms)
  end
end

-- As `prove`, where it is not known how long to poll: recover accepts the job.
local function prove_later(id, job)
  if job.state == 'accepted' or job.state == 'done' then return end
  redis.call('HSET', key('job', id), 'is_proven', 1)
  job.is_proven = '1'
  if job.state ~= 'submitting' then move(id, job, 'unknown') end
end

-- Moves an accepted job to done once its last recipient is final.
local function finish_if_final(id, job)
  if job.state ~= 'accepted' then return end
  if total_of(id, job, 'pending') + total_of(id, job, 'sent') == 0 then move(id, job, 'done') end
end
