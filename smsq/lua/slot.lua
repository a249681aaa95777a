-- slot.lua: reserve the next slot of the cluster's one rate, or say how long to wait.
--
-- GCRA: slots stand 1/rate apart; up to `burst` of them may be taken early after a quiet time.
--
-- ARGV[4]  rate_per_s     > 0, may be below 1
-- ARGV[5]  burst          >= 1
-- ARGV[6]  max_wait_us    a slot further away than this is not reserved
-- ARGV[7]  job id         the slot is for this job; '' for a poll
-- ARGV[8]  now_us         '' means Redis' own clock
-- returns  {'reserved', wait_us, '', closings}: the slot is yours then; closings of the gate in a row
--          {'full', wait_us}: nothing reserved; ask again after this long
--          {'closed', wait_us, why}: the gate is closed for everyone
--          {'needless', 0}: the job is not ready (any more); a late ring must not use up a slot
local limiter = key('limiter')
if ARGV[7] ~= '' and redis.call('HGET', key('job', ARGV[7]), 'state') ~= 'queued' then
  return {'needless', 0}
end
local now_us = tonumber(ARGV[8])
if not now_us then
  local t = redis.call('TIME')
  now_us = t[1] * 1000000 + t[2]
end

local state = redis.call('HMGET', limiter, 'next_us', 'closed_until_us', 'why', 'closings')
local closed_us = (tonumber(state[2]) or 0) - now_us
if closed_us > 0 then return {'closed', math.ceil(closed_us), state[3] or ''} end

local apart_us = 1000000 / tonumber(ARGV[4])
local next_us = math.max(tonumber(state[1]) or 0, now_us - apart_us * (tonumber(ARGV[5]) - 1))
local wait_us = math.max(0, next_us - now_us)
if wait_us > tonumber(ARGV[6]) then return {'full', math.ceil(wait_us)} end
redis.call('HSET', limiter, 'next_us', string.format('%.3f', next_us + apart_us))
redis.call('PEXPIRE', limiter, 86400000 + math.ceil(apart_us / 1000))
return {'reserved', math.ceil(wait_us), '', tonumber(state[4]) or 0}
