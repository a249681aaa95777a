-- settle.lua: write down what an attempt came to.
--
-- Only the claim that made the attempt may settle it. It may do so late: after its lease ended
-- (the job is unknown by then) definite news is welcome, and an acceptance is even taken after the
-- job was put back to be sent again, as long as nobody claimed it since.
--
-- ARGV[4]  job id
-- ARGV[5]  claim number
-- ARGV[6]  state         the next state, as decided in smsq/states.py
-- ARGV[7]  error         why; '' clears it
-- ARGV[8]  delay_ms      waiting, queued: due after this long
-- ARGV[9]  is_counted    '0' gives the attempt back (a 429 costs none)
-- ARGV[10] fields        JSON: fields of the job's hash that the gateway's answer gave; own_parts where
--                        we count other SMS parts than the gateway does
-- ARGV[11] message_id    the first message's id, '' when the answer gave none
-- ARGV[12] first_poll_ms accepted: the first poll comes after this long
-- ARGV[13] horizon_ms    accepted: polling gives up after this long
-- returns  'ok' | 'stale' | 'missing'
local id, state = ARGV[4], ARGV[6]
local job = load(key('job', id))
if not job then return 'missing' end
if job.claims ~= ARGV[5] then return 'stale' end
local is_open = job.state == 'submitting' or job.state == 'unknown'
local is_back = job.state == 'queued' or job.state == 'waiting'
if not (is_open or (is_back and state == 'accepted')) then return 'stale' end

redis.call('HDEL', key('job', id), 'lease_until_ms')
local answered = cjson.decode(ARGV[10])
-- What the cap counted stays counted, whatever comes of the next attempt.
if answered.error_class == 'unknown' then
  job.may_be_out = '1'
  redis.call('HSET', key('job', id), 'may_be_out', 1)
end
-- A receipt overtook the answer: whatever became of the answer, the gateway has the job.
if job.is_proven and state ~= 'rejected' then state = 'accepted' end
if ARGV[9] == '0' then count_attempt(id, job, -1) end
for name, value in pairs(answered) do
  redis.call('HSET', key('job', id), name, value)
end
job.error_class = answered.error_class

if state == 'accepted' then
  if ARGV[11] ~= '' then redis.call('HSET', key('message', id, 1), 'message_id', ARGV[11]) end
  accept(id, job, ARGV[13], ARGV[12])
  if answered.own_parts then
    count({}, 'parts_differ', 1)
    note(id, 'parts differ', 'the gateway counts ' .. answered.parts .. ', we count ' .. answered.own_parts)
  end
elseif state == 'unknown' then
  hold_unknown(id, job, ARGV[7])
else
  local now = move(id, job, state, ARGV[7])
  if FINAL[now] then
    if now ~= 'dead' then forget_texts(id, job) end
  elseif now == 'waiting' and state == 'waiting' then
    schedule(id, NOW_MS + tonumber(ARGV[8]))
  end
end
return 'ok'
