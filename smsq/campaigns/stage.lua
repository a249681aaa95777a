-- stage.lua: store a job of a campaign out of sight, or a slice of a large one.
-- begins no clock
-- needs reserve.lua
--
-- The draft's progress moves on in the call that brings a job's last slice, and only from where the
-- producer believes it to be: of two producers with one key, one finds that the other was faster.
--
-- ARGV[4]  campaign id
-- ARGV[5]  draft's name  digest of the idempotency key, or the campaign's id where there is none
-- ARGV[6]  before        jobs of the draft before this one
-- ARGV[7]  job id
-- ARGV[8]  job           JSON: fields of the job's hash; '' after the job's first slice
-- ARGV[9]  messages      JSON: [{n: n, buckets: n, phones: [...], texts: [...], references: [...]}], and
--                        {fields, pending} in the first slice of each; references may be missing
-- ARGV[10] progress      JSON: fields of the draft's hash; '' before the job's last slice
-- ARGV[11] stage_ttl_ms  a draft that nothing is added to for so long is taken for left behind
-- ARGV[12] is_again      1: the campaign that this key was used for is to be sent again; commit.lua decides
-- ARGV[13] candidate     a secret for the index, should there be none yet
-- returns  'ok' | 'committed': under this key, by another | 'overtaken': by another producer, who has
--          this key in hand | 'gone': it was taken for left behind
local id, name, before, job_id = ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7]
local draft_key, staged_key = key('draft', name), key('staged', id)
keep_reserve(false)

if ARGV[12] ~= '1' and redis.call('EXISTS', key('key', name)) == 1 then return 'committed' end
local draft = redis.call('HMGET', draft_key, 'campaign', 'jobs')
if not draft[1] then
  if before > 0 then return 'gone' end
  redis.call('HSET', draft_key, 'campaign', id, 'jobs', 0)
elseif draft[1] ~= id or tonumber(draft[2]) ~= before then
  return 'overtaken'
end

if ARGV[8] ~= '' then
  trim_stage(id, before)
  redis.call('RPUSH', staged_key, job_id)
  store_job(job_id, cjson.decode(ARGV[8]))
elseif redis.call('LINDEX', staged_key, before) ~= job_id then
  return 'overtaken'
end
for _, message in ipairs(cjson.decode(ARGV[9])) do store_message(job_id, message.n, message, ARGV[13]) end

if ARGV[10] ~= '' then
  local flat = {'jobs', before + 1}
  for field, value in pairs(cjson.decode(ARGV[10])) do
    table.insert(flat, field)
    table.insert(flat, value)
  end
  hset_all(draft_key, flat)
end
redis.call('ZADD', key('drafts'), int(NOW_MS + tonumber(ARGV[11])), id .. '|' .. name)
return 'ok'
