-- find_bulk.lua: look for a phone in campaigns, some jobs at a time.
-- begins no clock
--
-- A recipient's bucket follows from its phone: one command tells whether a message has it.
--
-- ARGV[4]  phone
-- ARGV[5]  campaigns  JSON: ids, the newest first
-- ARGV[6]  place      where to go on: campaign, job and message, each counted from 1: 1:1:1 at first
-- returns  {{row, ...}, place: '' at the end}; rows as of find.lua
local phone, campaigns = ARGV[4], cjson.decode(ARGV[5])
local c, j, n = string.match(ARGV[6], '^(%d+):(%d+):(%d+)$')
c, j, n = tonumber(c), tonumber(j), tonumber(n)
local SLICE, COMMANDS = 100, 1800
local FIELDS = {'kind', 'state', 'created_at_ms', 'names', 'campaign', 'error'}
local rows, left = {}, COMMANDS

local function add_row(id, bucket, value)
  local fields = redis.call('HMGET', key('job', id), unpack(FIELDS))
  -- It is committed, and is not launched yet.
  fields[2] = fields[2] or 'queued'
  for i = 1, #FIELDS do fields[i] = fields[i] or '' end
  local reference = redis.call('HGET', key('references', id, n, bucket), phone) or ''
  table.insert(rows, {'job', id, fields, phone, value, reference})
end

-- Looks through a job's messages, as far as this call may; returns whether it is through.
local function look_in(id)
  local messages = tonumber(redis.call('HGET', key('job', id), 'messages') or 0)
  left = left - 1
  while n <= messages do
    if left <= 0 then return false end
    local buckets = tonumber(redis.call('HGET', key('message', id, n), 'buckets'))
    local bucket = buckets and bucket_of(phone, buckets)
    local value = bucket and redis.call('HGET', key('recipients', id, n, bucket), phone)
    left = left - 2
    if value then add_row(id, bucket, value) end
    n = n + 1
  end
  n = 1
  return true
end

while campaigns[c] do
  local ids = redis.call('LRANGE', key('campaign_jobs', campaigns[c]), j - 1, j + SLICE - 2)
  left = left - 1
  for _, id in ipairs(ids) do
    if left <= 0 or not look_in(id) then return {rows, int(c) .. ':' .. int(j) .. ':' .. int(n)} end
    j = j + 1
  end
  if #ids < SLICE then c, j = c + 1, 1 end
end
return {rows, ''}
