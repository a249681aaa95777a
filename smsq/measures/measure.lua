-- measure.lua: numbers with history. Prepended to the scripts that move jobs; what they measure is written in
-- the end, into the hash of the minute (write_measures), from where fold.lua adds it to the totals.
--
-- Fields, short since they are many (smsq/measures/readings.py names them in full):
--   e|<priority>            enqueue to request of a job      w|<class>     wait in line for a slot
--   q|<endpoint>|<outcome>  a request's time                 a|<priority>  acceptance to delivery
--   d|<priority>            enqueue to delivery
-- of these each time stands in a bucket, |<place in TIMES_MS>, and in the sum of milliseconds, |s; and counters:
--   r|<endpoint>|<outcome>|<reason>  requests without acceptance   c|<result>  receipts
--   p|<priority>  SMS parts   m|<priority>  their price in millionths   f|<sender>|<letter>  final recipients
--   k|<country code>|<letter>  the same

-- Upper bounds of the buckets; what is above the last is in one more. As in smsq/measures/histograms.py.
local TIMES_MS = {5, 10, 25, 50, 100, 250, 500, 1000, 2000, 5000, 10000, 20000, 30000, 60000, 120000,
  300000, 900000, 3600000, 14400000, 86400000, 259200000}
local MEASURED = {}

local function measure(field, by) MEASURED[field] = (MEASURED[field] or 0) + by end

-- `times`: so many took just as long.
local function measure_time(field, ms, times)
  ms = math.max(0, math.floor(ms + 0.5))
  local place = 1
  while TIMES_MS[place] and ms > TIMES_MS[place] do place = place + 1 end
  measure(field .. '|' .. place, times or 1)
  measure(field .. '|s', ms * (times or 1))
end

-- From enqueue counts once, up to the first request, and not what the caller asked to wait for. In line a
-- job has been since it was queued last: a pause before another attempt is no wait for a slot.
local function measure_job_wait(job)
  local queued_ms, from_ms = tonumber(job.changed_at_ms), math.max(tonumber(job.created_at_ms) or 0, tonumber(job.due_at_ms) or 0)
  if queued_ms then measure_time('w|' .. job.priority, NOW_MS - queued_ms) end
  if tonumber(job.claims) == 0 and from_ms > 0 then measure_time('e|' .. job.priority, NOW_MS - from_ms) end
end

-- Polls that have begun stand in line with times that are so much earlier (paging.lua).
local function measure_poll_wait(ref)
  local ready_ms = tonumber(redis.call('ZSCORE', key('ready', 'poll'), ref) or nil)
  if ready_ms and ready_ms < 0 then ready_ms = ready_ms + BEGUN_MS end
  if ready_ms then measure_time('w|poll', NOW_MS - ready_ms) end
end

-- A request as the worker saw it: endpoint, outcome, reason and milliseconds, '' for none.
local function measure_request(endpoint, outcome, reason, ms)
  if endpoint == '' then return end
  if ms ~= '' then measure_time('q|' .. endpoint .. '|' .. outcome, tonumber(ms)) end
  if reason ~= '' then measure('r|' .. endpoint .. '|' .. outcome .. '|' .. reason, 1) end
end

local TWO_DIGITS = ' 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 '
  .. '81 82 84 86 90 91 92 93 94 95 98 '
local function country_code(phone)
  local one, two = sub(phone, 1, 1), sub(phone, 1, 2)
  if one == '1' or one == '7' then return one end
  return string.find(TWO_DIGITS, ' ' .. two .. ' ', 1, true) and two or sub(phone, 1, 3)
end

local FINAL_LETTER = {delivered = 'd', undelivered = 'u', no_report = 'n'}

-- Recipients of one message whose state became final.
local function measure_final(job, message, phones, state)
  local letter = FINAL_LETTER[state]
  if not letter then return end
  measure('f|' .. string.gsub(message.alphaname_id or '', '|', ' ') .. '|' .. letter, #phones)
  for _, phone in ipairs(phones) do measure('k|' .. country_code(phone) .. '|' .. letter, 1) end
  if letter ~= 'd' then return end
  local accepted_ms, created_ms = tonumber(job.accepted_at_ms), tonumber(job.created_at_ms)
  if accepted_ms then
    -- The gateway began with it no sooner.
    measure_time('a|' .. job.priority, NOW_MS - math.max(accepted_ms, tonumber(message.starts_at_ms) or 0), #phones)
  end
  if created_ms then measure_time('d|' .. job.priority, NOW_MS - created_ms, #phones) end
end

-- The minutes of which fold.lua knows stand in the zset `minutes`.
local function write_measures()
  if next(MEASURED) == nil then return end
  local minute, is_new = int(math.floor(WORLD_MS / 60000)), false
  local k = key('minute', minute)
  for field, by in pairs(MEASURED) do
    if by ~= 0 and redis.call('HINCRBY', k, field, int(by)) == by then is_new = true end
  end
  if is_new then redis.call('ZADD', key('minutes'), minute, minute) end
end
