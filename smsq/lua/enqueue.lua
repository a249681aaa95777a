-- enqueue.lua: store one job, whole or not at all.
--
-- ARGV[4]  id            the new job's id
-- ARGV[5]  job           JSON: fields of the job's hash
-- ARGV[6]  messages      JSON: [{fields: {...}, buckets: n, phones: [...], texts: [...]}]
--                        texts may be empty: then the message's own field `text` is for all
-- ARGV[7]  key           digest of the idempotency key, '' for none
-- ARGV[8]  content       digest of what is to be sent
-- ARGV[9]  key_ttl_ms
-- ARGV[10] due_at_ms     '' for now; else the job waits until then
-- returns  {'new', id} | {'same', the earlier id} | {'conflict', the earlier id} | {'taken', id}
local id = ARGV[4]
local key_name = ARGV[7] ~= '' and key('key', ARGV[7])
local job_key = key('job', id)

if key_name then
  local earlier = redis.call('GET', key_name)
  if earlier then
    local earlier_id, content = string.match(earlier, '^(.-)|(.*)$')
    return {content == ARGV[8] and 'same' or 'conflict', earlier_id}
  end
end
if redis.call('EXISTS', job_key) == 1 then return {'taken', id} end

local job = cjson.decode(ARGV[5])
local messages = cjson.decode(ARGV[6])
job.messages, job.size = #messages, 0
for n, message in ipairs(messages) do
  job.size = job.size + #message.phones
  store_message(id, n, message)
end
store_job(id, job)

if key_name then redis.call('SET', key_name, id .. '|' .. ARGV[8], 'PX', ARGV[9]) end
count(job, 'recipient:pending', job.size)
local due_at_ms = tonumber(ARGV[10])
if due_at_ms and due_at_ms > NOW_MS then
  move(id, job, 'waiting')
  schedule(id, due_at_ms)
else
  move(id, job, 'queued')
end
return {'new', id}
