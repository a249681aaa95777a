-- claim.lua: take the right to make one attempt, before the first byte goes out.
--
-- ARGV[4]  job id
-- ARGV[5]  lease_ms   the claim ends by itself after this long, and the job becomes unknown
-- returns  {'claimed', claim number, job hash flat, {{message hash flat, phones, texts flat}, ...}}
--          or {state}: somebody else has it, it is not due yet, or it is finished
--          or {'missing'}, or {'closed'}: the limiter's gate closed since the slot was reserved
local id = ARGV[4]
local job = load(key('job', id))
if not job then return {'missing'} end
if job.state ~= 'queued' then return {job.state} end
if job.expires_at_ms and tonumber(job.expires_at_ms) <= NOW_MS then
  move(id, job, 'expired', 'not sent in time')
  forget_texts(id, job)
  return {'expired'}
end

-- A slot reserved before the gate closed is worth nothing any more.
if tonumber(redis.call('HGET', key('limiter'), 'closed_until_us') or 0) > NOW_MS * 1000 then
  return {'closed'}
end

local lease_until_ms = NOW_MS + tonumber(ARGV[5])
local claim = redis.call('HINCRBY', key('job', id), 'claims', 1)
count_attempt(id, job, 1)
redis.call('HSET', key('job', id), 'lease_until_ms', int(lease_until_ms))
redis.call('HDEL', key('job', id), 'looks')
move(id, job, 'submitting')
schedule(id, lease_until_ms)

local messages = {}
for n = 1, tonumber(job.messages) do
  local message_key = key('message', id, n)
  local phones = {}
  local buckets = tonumber(redis.call('HGET', message_key, 'buckets'))
  for b = 0, buckets - 1 do
    for _, phone in ipairs(redis.call('HKEYS', key('recipients', id, n, b))) do
      table.insert(phones, phone)
    end
  end
  local texts = redis.call('HGETALL', key('texts', id, n))
  table.insert(messages, {redis.call('HGETALL', message_key), phones, texts})
end
return {'claimed', claim, redis.call('HGETALL', key('job', id)), messages}
