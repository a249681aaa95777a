-- store.lua: jobs as they come and go. Every script begins with it, after move.lua.
-- What belongs to a job alone and does not grow with it.
local function keys_of(id, job)
  local found = {key('job', id), key('receipts', id), key('timeline', id), key('regions', id)}
  if job.is_gathered then
    table.insert(found, key('keys', id))
    table.insert(found, key('gathered', id))
    table.insert(found, key('deadlines', id))
    table.insert(found, key('left_out', id))
    table.insert(found, key('gone', id))
    table.insert(found, key('names', id))
  end
  return found
end

-- What one call unlinks at once of a message's buckets; of those whose recipients have references.
local MOST_BUCKETS, MOST_REFERENCED = 200, 4

-- Takes away so many of a message's buckets from `from` on as one call may; returns how many.
local function unlink_buckets(id, job, n, from, buckets)
  local most, keys = job.has_references and MOST_REFERENCED or MOST_BUCKETS, {}
  for b = from, math.min(buckets, from + most) - 1 do
    keys[#keys + 1] = key('recipients', id, n, b)
    if job.has_references then forget_references(id, n, b) end
  end
  redis.call('UNLINK', unpack(keys))
  work_left = work_left - #keys / 2
  return #keys
end

-- Takes a job's messages away from a place on; returns the place after it, and at the end nil: then all
-- of the job is gone. `see` is called for each message before it goes.
local function unlink_job_from(id, job, place, see)
  if not forget_in_index(id, job) then return place end
  local n, b = string.match(place, '^(%d+):(%d+)$')
  n, b = tonumber(n), tonumber(b)
  while n <= tonumber(job.messages) do
    local buckets = tonumber(redis.call('HGET', key('message', id, n), 'buckets') or 0)
    while b < buckets do
      if work_left <= 0 then return int(n) .. ':' .. int(b) end
      b = b + unlink_buckets(id, job, n, b, buckets)
    end
    if see then see(n) end
    redis.call('UNLINK', key('message', id, n), key('texts', id, n))
    work_left, n, b = work_left - 4, n + 1, 0
    if work_left <= 0 and n <= tonumber(job.messages) then return int(n) .. ':0' end
  end
  unlink_all(keys_of(id, job))
  if job.created_at_ms then unlist_by_time(id, span_of(job.created_at_ms)) end
  redis.call('ZREM', key('chores'), id)
end

-- An idempotency key goes with what it names, unless something else was sent under it since.
local function forget_key(digest, id)
  local k = key('key', digest)
  local names = redis.call('GET', k)
  if names and string.match(names, '^[^.|]+') == id then redis.call('UNLINK', k) end
end

-- A gathered job may have a key for each send: so many go in one call. Returns whether all are gone.
local KEYS_GONE = 500

local function forget_keys(id, job)
  if job.key then forget_key(job.key, id) end
  if not job.is_gathered then return true end
  local digests = redis.call('LRANGE', key('keys', id), 0, KEYS_GONE - 1)
  for _, digest in ipairs(digests) do forget_key(digest, id) end
  work_left = work_left - 2 * #digests
  redis.call('LTRIM', key('keys', id), KEYS_GONE, -1)
  return #digests < KEYS_GONE
end

-- Message n of a job, or a slice of it: then `fields` come with the first slice alone, and `pending`
-- says how many phones all slices have. `candidate`: see secret_of_index.
local function store_message(id, n, message, candidate)
  if message.fields then
    local flat = {'buckets', message.buckets, 'pending', message.pending or #message.phones}
    for name, value in pairs(message.fields) do
      table.insert(flat, name)
      table.insert(flat, value)
    end
    hset_all(key('message', id, n), flat)
  end
  local rows, texts, references = {}, {}, {}
  for i, phone in ipairs(message.phones) do
    local k = bucket_key(id, n, message.buckets, phone)
    local row = rows[k]
    if not row then
      row = {}
      rows[k] = row
    end
    row[#row + 1] = phone
    row[#row + 1] = ''
    if message.texts[i] then
      texts[#texts + 1] = phone
      texts[#texts + 1] = message.texts[i]
    end
    local reference = message.references and message.references[i] or ''
    if reference ~= '' then
      local bucket = bucket_of(phone, message.buckets)
      references[bucket] = references[bucket] or {}
      table.insert(references[bucket], phone)
      table.insert(references[bucket], reference)
    end
  end
  for k, row in pairs(rows) do hset_all(k, row) end
  if #texts > 0 then hset_all(key('texts', id, n), texts) end
  store_references(candidate, id, n, references)
end

-- A schedule that is no further ahead has passed by the time that the gateway reads it, and nobody knows
-- what the gateway makes of that.
local SCHEDULE_MARGIN_MS = 10000

-- A message's fields as its request takes them: without a schedule that is not ahead any more. It stays
-- in the ledger, and the job's timeline tells.
local function fields_for_request(id, job, flat)
  local schedule_at, starts_at_ms
  for i = 1, #flat, 2 do
    if flat[i] == 'schedule_time' then schedule_at = i end
    if flat[i] == 'starts_at_ms' then starts_at_ms = tonumber(flat[i + 1]) end
  end
  if schedule_at and starts_at_ms and starts_at_ms <= WORLD_MS + SCHEDULE_MARGIN_MS then
    table.remove(flat, schedule_at)
    local passed = table.remove(flat, schedule_at)
    if not (job.is_late_told or job.preparing) then note(id, 'schedule passed', passed .. ': the gateway is to send at once') end
    job.is_late_told = '1'
  end
  return flat
end

-- Its caller says how long it may wait, not until when: nobody's clock but the ledger's counts.
local function store_job(id, job)
  if job.expires_in_ms then job.expires_at_ms = int(NOW_MS + tonumber(job.expires_in_ms)) end
  job.expires_in_ms = nil
  begin_totals(job)
  local flat = {'created_at_ms', int(NOW_MS), 'attempts', 0, 'claims', 0}
  for name, value in pairs(job) do
    table.insert(flat, name)
    table.insert(flat, value)
  end
  hset_all(key('job', id), flat)
end

-- A staged job of a committed campaign takes its place in the line. The commit counted it already.
local function go_live(id, job)
  count(job, 'job:queued', -1)
  list_by_time(id, job.created_at_ms)
  move(id, job, 'queued')
end

-- A job, whatever is to happen to it: one that was committed but not launched yet goes live first.
-- One that is not even committed has no state.
local function load_job(id)
  local job = load(key('job', id))
  if job and not job.state and job.campaign
    and redis.call('HEXISTS', key('campaign', job.campaign), 'created_at_ms') == 1 then
    go_live(id, job)
  end
  return job
end

-- Take the newest of a draft's jobs away, until so many are left: they are another producer's, who
-- died half way through, or will be told that it was overtaken.
local function trim_stage(campaign, jobs)
  local staged_key = key('staged', campaign)
  while redis.call('LLEN', staged_key) > jobs do
    -- It is swept as a draft of its own, whatever its size, and no job of the campaign, committed or not.
    local id = redis.call('RPOP', staged_key)
    redis.call('HSET', key('job', id), 'campaign', id)
    redis.call('RPUSH', key('staged', id), id)
    redis.call('ZADD', key('drafts'), int(NOW_MS), id .. '|trimmed')
  end
end

-- A draft that nobody wants any more: recover takes its jobs away.
local function forget_draft(campaign, name)
  local draft_key = key('draft', name)
  if redis.call('HGET', draft_key, 'campaign') ~= campaign then return end
  redis.call('DEL', draft_key)
  redis.call('ZADD', key('drafts'), int(NOW_MS), campaign .. '|' .. name)
end
