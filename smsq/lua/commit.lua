-- commit.lua: make a staged campaign live, all its jobs at once.
--
-- ARGV[4]  campaign id
-- ARGV[5]  job ids, JSON
-- ARGV[6]  key           digest of the idempotency key, '' for none
-- ARGV[7]  content       digest of what is to be sent
-- ARGV[8]  key_ttl_ms
-- returns  {'new', id} | {'same', the earlier id} | {'conflict', the earlier id} | {'gone', id}:
--          the stage ran out before the commit; nothing was made live
local id = ARGV[4]
local key_name = ARGV[6] ~= '' and key('key', ARGV[6])
local ids = cjson.decode(ARGV[5])
local jobs = {}
for _, job_id in ipairs(ids) do
  local job = load(key('job', job_id))
  if not job then return {'gone', id} end
  table.insert(jobs, job)
end

if key_name then
  local earlier = redis.call('GET', key_name)
  if earlier then
    for i, job_id in ipairs(ids) do redis.call('UNLINK', unpack(keys_of(job_id, jobs[i]))) end
    local earlier_id, content = string.match(earlier, '^(.-)|(.*)$')
    return {content == ARGV[7] and 'same' or 'conflict', earlier_id}
  end
  redis.call('SET', key_name, id .. '|' .. ARGV[7], 'PX', ARGV[8])
end

redis.call('HSET', key('campaign', id), 'created_at_ms', int(NOW_MS), 'jobs', #ids)
campaign_brakes().open_campaign(id, ids[1], jobs[1])
for i, job_id in ipairs(ids) do
  local job = jobs[i]
  for _, k in ipairs(keys_of(job_id, job)) do redis.call('PERSIST', k) end
  redis.call('RPUSH', key('campaign_jobs', id), job_id)
  count(job, 'recipient:pending', tonumber(job.size))
  move(job_id, job, 'queued')
end
return {'new', id}
