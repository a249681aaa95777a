-- forget.lua: put a number that is nobody's in the place of a phone, in one bucket of a message, and take
-- away what is kept with it. Counts, states and times stay.
--
-- ARGV[4]  job id
-- ARGV[5]  message       from 1
-- ARGV[6]  bucket
-- ARGV[7]  phone
-- ARGV[8]  seed          twelve random digits, of which the number is made
-- returns  'forgotten' | 'later': a request may be on its way, or a report is waited for | 'gone'
-- begins no clock
local id, n, b, phone = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local k, job = key('recipients', id, n, b), load(key('job', id))
local value = redis.call('HGET', k, phone)
if not value then return 'gone' end
if not job or not job.state then return 'later' end

-- What is not on its way yet never will be; what is in doubt, or gathered, has to end first.
local letter = value == '' and 'p' or sub(value, 1, 1)
if (letter == 'p' or letter == 's') and not UNSENT[job.state] or job.state == 'dead' then
  local is_waiting = job.state == 'queued' or job.state == 'waiting' or job.state == 'dead'
  if letter == 's' or not is_waiting or job.may_be_out or job.is_gathered or job.preparing then return 'later' end
  withhold(id, n, job, {phone}, 'forgotten')
  value = redis.call('HGET', k, phone)
end

-- A number that begins with 0 is no phone. Whoever looks for it looks in the same bucket.
local function make_nobody()
  local buckets = tonumber(redis.call('HGET', key('message', id, n), 'buckets'))
  for i = 0, buckets do
    local made = '0' .. string.format('%012.0f', (tonumber(ARGV[8]) + 32 * i) % 1e12)
    if bucket_of(made, buckets) == tonumber(b) and redis.call('HEXISTS', k, made) == 0 then return made end
  end
end
local nobody = make_nobody()
if not nobody then return 'later' end
redis.call('HDEL', k, phone)
redis.call('HSET', k, nobody, value)

for _, family in ipairs({'texts', 'regions', 'references'}) do
  local held = family == 'texts' and key('texts', id, n) or family == 'regions' and key('regions', id)
    or key('references', id, n, b)
  redis.call('HDEL', held, phone)
end
if job.kind == 'quick' then
  redis.call('HDEL', key('message', id, n), 'text')
  take_out_of_index('p', phone, id)
  take_out_reference(job.names, id)
  redis.call('HDEL', key('job', id), 'names')
  -- The digest of what was sent says nothing any more; the key stays used.
  if job.key then redis.call('SET', key('key', job.key), id .. '|forgotten') end
end

-- Receipts are kept as they came: those that say the phone go.
for _, body in ipairs(redis.call('LRANGE', key('receipts', id), 0, -1)) do
  if string.find(body, phone, 1, true) then redis.call('LREM', key('receipts', id), 0, body) end
end

-- The sends of a gathered job, as they came.
for ordinal, row in ipairs(job.is_gathered and redis.call('LRANGE', key('gathered', id), 0, -1) or {}) do
  if sub(row, 1, #phone + 1) == phone .. '|' then
    redis.call('LSET', key('gathered', id), ordinal - 1, nobody .. sub(row, #phone + 1))
    local _, _, tag = read_row(row)
    local own_id, names = id .. '.' .. name_send(ordinal, tag), redis.call('HGET', key('names', id), int(ordinal))
    take_out_of_index('p', phone, own_id)
    take_out_reference(names, own_id)
    redis.call('HDEL', key('names', id), int(ordinal))
  end
end
return 'forgotten'
