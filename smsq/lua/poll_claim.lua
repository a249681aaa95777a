-- poll_claim.lua: take the right to ask for one message's reports.
--
-- A message is claimable from the moment poll_due.lua found it due until a claim takes it, so two
-- rings, two beats or ten workers poll it once per due time.
--
-- ARGV[4]  ref        <job id>:<n>
-- ARGV[5]  lease_ms   the claim ends by itself after this long
-- returns  {'claimed', poll number, message_id or '', offset, age_ms}
--          | {'not due'} | {'final'} | {'missing'}
local id, n = string.match(ARGV[4], '^(.*):(%d+)$')
local message_key = key('message', id, n)
local message = load(message_key)
local job = load(key('job', id))
if not message or not job then
  redis.call('ZREM', key('poll'), ARGV[4])
  return {'missing'}
end
if unfinished(id, n) == 0 then
  redis.call('ZREM', key('poll'), ARGV[4])
  return {'final'}
end
if not message.poll_due_ms then return {'not due'} end
redis.call('HDEL', message_key, 'poll_due_ms')
redis.call('ZADD', key('poll'), int(NOW_MS + tonumber(ARGV[5])), ARGV[4])
local polls = redis.call('HINCRBY', message_key, 'polls', 1)
local age_ms = NOW_MS - tonumber(job.accepted_at_ms or job.created_at_ms)
return {'claimed', polls, message.message_id or '', tonumber(message.poll_offset or 0), age_ms}
