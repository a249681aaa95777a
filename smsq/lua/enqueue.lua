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
-- ARGV[11] stage_ttl_ms  '' to make the job live at once; else it is stored out of sight until
--                        commit.lua, and gone by itself after this long
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
  local message_key = key('message', id, n)
  job.size = job.size + #message.phones
  local flat = {'buckets', message.buckets, 'pending', #message.phones}
  for name, value in pairs(message.fields) do
    table.insert(flat, name)
    table.insert(flat, value)
  end
  hset_all(message_key, flat)
  local rows, texts = {}, {}
  for i, phone in ipairs(message.phones) do
    local k = bucket_key(id, n, message.buckets, phone)
    rows[k] = rows[k] or {}
    table.insert(rows[k], phone)
    table.insert(rows[k], '')
    if message.texts[i] then
      table.insert(texts, phone)
      table.insert(texts, message.texts[i])
    end
  end
  for k, row in pairs(rows) do hset_all(k, row) end
  if #texts > 0 then hset_all(key('texts', id, n), texts) end
end

local flat = {'created_at_ms', int(NOW_MS), 'attempts', 0, 'claims', 0}
for name, value in pairs(job) do
  table.insert(flat, name)
  table.insert(flat, value)
end
hset_all(job_key, flat)

if ARGV[11] ~= '' then
  for _, k in ipairs(keys_of(id, job)) do redis.call('PEXPIRE', k, ARGV[11]) end
  return {'new', id}
end
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
