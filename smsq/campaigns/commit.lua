-- commit.lua: decide that a staged campaign is to be sent, all of it, whatever its size.
-- needs gathered.lua
-- needs idempotency.lua
--
-- From here on every job goes out: launch.lua brings them into the line, some at a time, called by
-- the producer, and by recover where that one died. Before this call none does.
--
-- ARGV[4]  campaign id
-- ARGV[5]  draft's name
-- ARGV[6]  jobs          that the draft must have
-- ARGV[7]  recipients    of all of them
-- ARGV[8]  key           digest of the idempotency key, '' for none
-- ARGV[9]  content       digest of what is to be sent
-- ARGV[10] is_again      1: what ended unsent for certain under this key is sent again
-- ARGV[11] fields        JSON: more fields of the campaign's hash
-- ARGV[12] idle_ms       recover goes on with the launch when nobody has for so long
-- ARGV[13] candidate     a secret for the index, should there be none yet
-- returns  {'new', id, campaign hash flat}
--          {'same' | 'conflict' | 'refused', the earlier id, its state}: see idempotency.lua
--          {'overtaken', id}
--          {'gone', id}: the draft was taken for left behind; nothing was made live
local id, name, jobs = ARGV[4], ARGV[5], tonumber(ARGV[6])

local function check_draft()
  local draft = redis.call('HMGET', key('draft', name), 'campaign', 'jobs')
  if not draft[1] then return 'gone' end
  if draft[1] ~= id or tonumber(draft[2]) ~= jobs then return 'overtaken' end
  trim_stage(id, jobs)
  if redis.call('LLEN', key('staged', id)) ~= jobs then return 'gone' end
end

-- With `is_again` the earlier campaign is given up: only for a draft that is there.
local missing = check_draft()
local earlier = answer_repeat(ARGV[8], ARGV[9], ARGV[10] == '1' and not missing)
if earlier then
  forget_draft(id, name)
  return earlier
end
if missing then return {missing, id, ''} end

hold_key(ARGV[8], id, ARGV[9])
redis.call('RENAME', key('staged', id), key('campaign_jobs', id))
redis.call('DEL', key('draft', name))
redis.call('ZREM', key('drafts'), id .. '|' .. name)
redis.call('HSET', key('campaign', id), 'created_at_ms', int(NOW_MS), 'jobs', jobs, 'launched', 0)
if ARGV[8] ~= '' then redis.call('HSET', key('campaign', id), 'key', ARGV[8]) end
for field, value in pairs(cjson.decode(ARGV[11])) do
  redis.call('HSET', key('campaign', id), field, value)
end
campaign_brakes().open_campaign(id)
add_reference(ARGV[13], redis.call('HGET', key('campaign', id), 'names') or '', id)
count({campaign = id}, 'job:queued', jobs)
count({campaign = id}, 'recipient:pending', tonumber(ARGV[7]))
redis.call('ZADD', key('launching'), int(NOW_MS + tonumber(ARGV[12])), id)
return {'new', id, redis.call('HGETALL', key('campaign', id))}
