-- enqueue.lua: store one job, whole or not at all.
-- needs gathered.lua
-- needs idempotency.lua
-- needs per_phone.lua
-- needs reserve.lua
--
-- ARGV[4]  id            the new job's id
-- ARGV[5]  job           JSON: fields of the job's hash
-- ARGV[6]  messages      JSON: [{fields: {...}, buckets: n, phones: [...], texts: [...]}]
--                        texts may be empty: then the message's own field `text` is for all
-- ARGV[7]  key           digest of the idempotency key, '' for none
-- ARGV[8]  content       digest of what is to be sent
-- ARGV[9]  is_again      1: what ended unsent for certain under this key is sent again
-- ARGV[10] due_in_ms     '' for now; else the job waits for so long
-- ARGV[11] candidate     a secret for the index, should there be none yet
-- ARGV[12] has_phone     1: a quick job is to be found by its phone
-- ARGV[13] limits        of messages for one phone, see per_phone.lua; '' for none
-- returns  {'new', id, state} | {'limited', retry_after_ms, ''} | {'same' | 'conflict' | 'refused', the earlier id, its state}: see idempotency.lua
--          {'taken', id}
local id = ARGV[4]
if redis.call('EXISTS', key('job', id)) == 1 then return {'taken', id, ''} end
local earlier = answer_repeat(ARGV[7], ARGV[8], ARGV[9] == '1')
if earlier then return earlier end

local job = cjson.decode(ARGV[5])
local messages = cjson.decode(ARGV[6])
keep_reserve(job.priority == 'urgent')
local limited = job.kind == 'quick' and heed_limits(ARGV[13], ARGV[11], messages[1].phones[1])
if limited then return limited end
job.messages, job.size = #messages, 0
for _, message in ipairs(messages) do job.size = job.size + #message.phones end
if ARGV[7] ~= '' then job.key = ARGV[7] end
local due_in_ms = tonumber(ARGV[10])
if due_in_ms and due_in_ms > 0 then job.due_at_ms = int(NOW_MS + due_in_ms) end
-- The key first: should a missing right end this half way, whoever repeats the call finds what is left.
store_job(id, job)
list_by_time(id, NOW_MS)
hold_key(ARGV[7], id, ARGV[8])
if ARGV[12] == '1' and job.kind == 'quick' then add_to_index(ARGV[11], 'p', messages[1].phones[1], id) end
add_reference(ARGV[11], job.names, id)
for n, message in ipairs(messages) do store_message(id, n, message) end
count(job, 'recipient:pending', job.size)
if job.due_at_ms then
  move(id, job, 'waiting')
  schedule_in_turn(id, NOW_MS + due_in_ms)
else
  move(id, job, 'queued')
end
return {'new', id, job.state}
