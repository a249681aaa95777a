-- confirm.lua: write a claim once more, so that a WAITAOF on the same connection covers it.
--
-- Redis' log is written in order: once this write is on the disk, the claim is there too.
--
-- ARGV[4]  job id
-- ARGV[5]  claim number
-- returns  'ok' | 'stale': another claim took over, or a crash of Redis forgot this one
local id = ARGV[4]
local job = redis.call('HMGET', key('job', id), 'state', 'claims')
if job[1] ~= 'submitting' or job[2] ~= ARGV[5] then return 'stale' end
redis.call('HSET', key('job', id), 'claims', ARGV[5])
return 'ok'
