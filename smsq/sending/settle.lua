-- settle.lua: write down what an attempt came to.
-- needs recent_failures.lua
-- needs measure.lua
-- takes newer ledgers
--
-- The claim that is on its way decides what becomes of the job. An answer may come later than that: when
-- the lease has ended, when a newer claim was made, when the job has ended. An acceptance is proof
-- whenever it comes; any other definite answer takes the doubt of its own claim back, and no other's.
--
-- ARGV[4]  job id
-- ARGV[5]  claim number
-- ARGV[6]  state         the next state, as decided in smsq/domain/outcomes.py
-- ARGV[7]  error         why; '' clears it
-- ARGV[8]  delay_ms      waiting, queued: due after this long
-- ARGV[9]  is_counted    '0' gives the attempt back (a 429 costs none)
-- ARGV[10] fields        JSON: fields of the job's hash that the gateway's answer gave; own_parts where
--                        we count other SMS parts than the gateway does
-- ARGV[11] message_id    the first message's id, '' when the answer gave none
-- ARGV[12] first_poll_ms accepted: the first poll comes after this long
-- ARGV[13] horizon_ms    accepted: polling gives up after this long
-- ARGV[14] endpoint      of the request; '' where none was made
-- ARGV[15] outcome, ARGV[16] reason, ARGV[17] took_ms  of the request, see measure.lua
-- ARGV[18] parts, ARGV[19] millionths  accepted: SMS parts of all its messages, and what one costs
-- returns  'ok' | 'late': a newer claim decides; this one's doubt is taken back, if it was definite
--          'stale': this changes nothing | 'missing'
local id, claim, state, error = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local job = load(key('job', id))
if not job then return 'missing' end
local answered = cjson.decode(ARGV[10])
local is_lost = state == 'unknown' or answered.error_class == 'unknown'
local is_newest = job.claims == claim
local is_in_flight = is_newest and job.state == 'submitting'
if is_in_flight then redis.call('HDEL', key('job', id), 'lease_until_ms', 'preparing') end

-- A worker whose answer from Redis was lost says it again: so many answers are kept to know it by.
local MOST_ANSWERS = 4
local answer = claim .. ',' .. (is_lost and 'lost' or state)

local function was_told()
  if state == 'accepted' then
    return is_newest and not is_doubted(job, claim) and (job.state == 'accepted' or job.state == 'done')
  end
  for _, told in ipairs(split(job.answers or '', ';')) do
    if told == answer then return true end
  end
  return false
end

local function keep_answer()
  local told = split(job.answers or '', ';')
  table.insert(told, answer)
  job.answers = table.concat(told, ';', math.max(1, #told - MOST_ANSWERS + 1))
  redis.call('HSET', key('job', id), 'answers', job.answers)
end

-- What the gateway said of an acceptance that came first stays.
local function keep_fields(command)
  for name, value in pairs(answered) do
    redis.call(command, key('job', id), name, value)
  end
  job.error_class = answered.error_class
end

local function note_parts()
  if not answered.own_parts then return end
  count({}, 'parts_differ', 1)
  note(id, 'parts differ', 'the gateway counts ' .. answered.parts .. ', we count ' .. answered.own_parts)
end

-- What else was proven stays in doubt: a receipt says nothing of this claim.
local function note_accepted_claim()
  take_doubt_back(id, job, claim)
  if not job.is_gathered then return end
  job.accepted_claim = int(math.min(tonumber(job.accepted_claim) or math.huge, tonumber(claim)))
  redis.call('HSET', key('job', id), 'accepted_claim', job.accepted_claim)
end

local function take_acceptance()
  local has_it = job.state == 'accepted' or job.state == 'done'
  answered.error_class = nil
  keep_fields(has_it and 'HSETNX' or 'HSET')
  if state == 'accepted' then note_accepted_claim() end
  local knows_id = redis.call('HEXISTS', key('message', id, 1), 'message_id') == 1
  if ARGV[11] ~= '' and (is_newest or not knows_id) then learn_id(id, job, 1, ARGV[11], tonumber(ARGV[12])) end
  if is_in_flight then accept(id, job, ARGV[13], ARGV[12]) else prove(id, job, ARGV[13], ARGV[12]) end
  if has_it and job.is_gathered then add_chore(id, job, 'judge') end
  note_parts()
end

-- What the answer makes of a job that waited for it.
local function go_on()
  keep_fields('HSET')
  local now = move(id, job, state, error)
  if now == 'waiting' and state == 'waiting' then
    schedule(id, math.min(NOW_MS + tonumber(ARGV[8]), tonumber(job.expires_at_ms) or math.huge))
  end
end

local function settle_in_flight()
  if is_lost then doubt(id, job, claim) end
  keep_answer()
  if weigh(job, state) == 'accepted' then return take_acceptance() end
  go_on()
end

-- The claim was in doubt and came to nothing.
local function settle_late()
  keep_answer()
  note(id, 'late answer', error)
  if job.is_gathered then add_chore(id, job, 'judge') end
  if job.state ~= 'unknown' then return finish_if_final(id, job) end
  if is_newest and not job.ends_as then return go_on() end
  if job.may_be_out or not job.ends_as then return end
  local ends_as, why = string.match(job.ends_as, '^(%a+)|(.*)$')
  -- Whom the rules take out, they take out once more, and now for certain.
  move(id, job, ends_as == 'done' and 'queued' or ends_as, why)
end

if not is_in_flight and was_told() then return 'ok' end
if state == 'accepted' or answered.error_class == 'refused' then note_pass(job.kind) end
-- Ledgers from before kept the doubt, and not whose it was.
local is_late = is_newest and job.state == 'unknown' or is_doubted(job, claim)
if not is_in_flight and state ~= 'accepted' and (is_lost or not is_late) then
  return is_late and (is_newest and 'ok' or 'late') or 'stale'
end
if ARGV[9] == '0' then count_attempt(id, job, -1) end
-- A lease that ended was counted as unknown.
if is_in_flight then measure_request(ARGV[14], ARGV[15], ARGV[16], ARGV[17]) end
if state == 'accepted' and ARGV[14] ~= '' and (is_in_flight or is_doubted(job, claim)) then
  measure('p|' .. job.priority, tonumber(ARGV[18]))
  if ARGV[19] ~= '0' then measure('m|' .. job.priority, tonumber(ARGV[18]) * tonumber(ARGV[19])) end
end
if state == 'accepted' then
  take_acceptance()
elseif is_in_flight then
  settle_in_flight()
else
  take_doubt_back(id, job, claim)
  settle_late()
  return is_newest and 'ok' or 'late'
end
return 'ok'
