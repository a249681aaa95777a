-- presence.lua: note when a worker's consumer last asked for rings, and which smsq it runs; forget workers
-- long gone; let only workers of one gateway use the ledger.
--
-- ARGV[4]  worker
-- ARGV[5]  age_ms     since it asked; 'new' when it never did, '' when the worker says goodbye
-- ARGV[6]  forget_ms  a worker that has been silent for so long is forgotten
-- ARGV[7]  gateway    which one it sends to; '' for goodbye
-- ARGV[8]  silent_ms  workers of another gateway that have been silent for so long are gone
-- ARGV[9]  version    of smsq; '' for none told
-- ARGV[10] is_tidying 1: also what need not be done each time
--
-- Returns '' or, and nothing is written, the other gateway whose workers use the ledger.
local workers, versions, limiter = key('workers'), key('versions'), key('limiter')
local worker, age_ms, forget_ms, gateway = ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7]
if gateway ~= '' then
  local known = redis.call('HMGET', limiter, 'gateway', 'gateway_told_at_ms')
  if known[1] and known[1] ~= gateway and NOW_MS - tonumber(known[2] or 0) < tonumber(ARGV[8]) then
    return known[1]
  end
  redis.call('HSET', limiter, 'gateway', gateway, 'gateway_told_at_ms', int(NOW_MS))
end
-- Whoever has a version stands among the workers, too, and leaves both together.
local function note_version(version)
  local told = redis.call('HGET', versions, worker)
  if version == '' then
    if told then redis.call('HDEL', versions, worker) end
  elseif not told or string.match(told, '^%d+ (.*)$') ~= version then
    redis.call('HSET', versions, worker, int(NOW_MS) .. ' ' .. version)
  end
end
if age_ms == '' then
  redis.call('ZREM', workers, worker)
  note_version('')
elseif age_ms ~= 'new' then
  redis.call('ZADD', workers, int(NOW_MS - tonumber(age_ms)), worker)
  if ARGV[10] == '1' then note_version(ARGV[9]) end
end
if ARGV[10] ~= '1' then return '' end
-- Workers of before gave it a time to live; whoever sets Redis' clock ahead would make it go, and an
-- operator's pause with it.
redis.call('PERSIST', limiter)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', workers, '-inf', int(NOW_MS - forget_ms), 'LIMIT', 0, 1000)) do
  redis.call('ZREM', workers, gone)
  redis.call('HDEL', versions, gone)
end
redis.call('PEXPIRE', workers, int(forget_ms))
redis.call('PEXPIRE', versions, int(forget_ms))
return ''
