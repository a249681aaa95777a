-- index.lua: finds jobs by phone, by reference and by when they were enqueued. Every script begins with it,
-- after move.lua.
--
-- index:<shard> is a list of entries, the newest last: three letters of a digest, and an id. The digest's
-- first three letters choose the list. Six letters are enough to look in the right place, and too few to
-- tell whose phone it is: what an entry leads to is compared with what was asked for.
--
-- The id behind the letters is that of
--   j<...>            a quick job: by phone, and by reference
--   j<...>.<ordinal>  one send of a gathered job: likewise
--   j<...>:<n>:<b>    recipients of a message in a bucket that have a reference of their own: by that
--   c<...>            a campaign: by reference
-- The phones of campaigns have no entries: their recipients' buckets are asked themselves (find_bulk.lua).
--
-- What callers call their sends is kept as reference, line feed, tags with a line feed between them: in the
-- field `names` of jobs and campaigns, in names:<id> for sends of a gathered job.
--
-- Jobs by time: enqueued:<span> is a list of the jobs of ten minutes, `spans` names these.

-- fakeredis (tests, the demo) has no sha1hex: there a checksum stands in, which hides nothing.
local function digest_of(text)
  if redis.sha1hex then return redis.sha1hex(text) end
  local sum = 7
  for i = 1, #text do sum = (sum * 31 + string.byte(text, i)) % 16777216 end
  return string.format('%06x', sum)
end

-- Read once a call. The first call of an installation brings one along: `candidate`.
local index_secret
local function secret_of_index(candidate)
  index_secret = index_secret or redis.call('GET', key('index_secret'))
  if not index_secret and candidate then
    redis.call('SET', key('index_secret'), candidate)
    index_secret = candidate
  end
  return index_secret
end

-- A digest of a digest, each under the secret, as HMAC does it.
local function place_in_index(secret, what, name)
  local digest = digest_of(secret .. digest_of(secret .. what .. name))
  return key('index', sub(digest, 1, 3)), sub(digest, 4, 6)
end

-- `what` is 'p' for a phone, 'r' for a reference.
local function add_to_index(candidate, what, name, id)
  local k, mark = place_in_index(secret_of_index(candidate), what, name)
  redis.call('RPUSH', k, mark .. id)
end

local function take_out_of_index(what, name, id)
  local secret = secret_of_index()
  if not secret then return end
  local k, mark = place_in_index(secret, what, name)
  redis.call('LREM', k, 1, mark .. id)
end

local function reference_in(names) return string.match(names or '', '^[^\n]*') end

local function add_reference(candidate, names, id)
  local reference = reference_in(names)
  if reference ~= '' then add_to_index(candidate, 'r', reference, id) end
end

local function take_out_reference(names, id)
  local reference = reference_in(names)
  if reference ~= '' then take_out_of_index('r', reference, id) end
end

-- The references of some phones of a message: phone -> reference; nil where none has its own.
local function read_references(id, job, n, buckets, phones)
  if not job.has_references or EVENTS_KEEP_MS == 0 then return nil end
  local found, by_bucket = {}, {}
  for _, phone in ipairs(phones) do
    local k = key('references', id, n, bucket_of(phone, tonumber(buckets)))
    by_bucket[k] = by_bucket[k] or {}
    table.insert(by_bucket[k], phone)
  end
  for k, some in pairs(by_bucket) do
    for i, reference in ipairs(hmget_all(k, some)) do found[some[i]] = reference or nil end
  end
  return found
end

-- Recipients of a message with references of their own, by bucket: {[bucket] = {phone, reference, ...}}.
local function store_references(candidate, id, n, by_bucket)
  for bucket, flat in pairs(by_bucket) do
    hset_all(key('references', id, n, bucket), flat)
    for i = 2, #flat, 2 do add_to_index(candidate, 'r', flat[i], id .. ':' .. int(n) .. ':' .. int(bucket)) end
  end
end

local function forget_references(id, n, bucket)
  local k = key('references', id, n, bucket)
  for _, reference in pairs(load(k) or {}) do
    take_out_of_index('r', reference, id .. ':' .. int(n) .. ':' .. int(bucket))
    work_left = work_left - 2
  end
  redis.call('UNLINK', k)
end

local SPAN_MS = 600000
local function span_of(ms) return int(math.floor(tonumber(ms) / SPAN_MS)) end

-- A job of a campaign is listed when it goes live, with those of the time at which it was stored.
local function list_by_time(id, created_at_ms)
  local span = span_of(created_at_ms)
  if redis.call('RPUSH', key('enqueued', span), id) == 1 then redis.call('ZADD', key('spans'), span, span) end
end

local function unlist_by_time(id, span)
  local k = key('enqueued', span)
  if redis.call('LREM', k, 1, id) > 0 and redis.call('EXISTS', k) == 0 then redis.call('ZREM', key('spans'), span) end
end

-- Sends of a gathered job that one call takes out, the last ones first: the ordinals of the others stay.
local SENDS_GONE = 200

local function forget_sends(id)
  local k = key('gathered', id)
  local rows = redis.call('LRANGE', k, -SENDS_GONE, -1)
  local before = redis.call('LLEN', k) - #rows
  for i, row in ipairs(rows) do
    local ordinal = int(before + i)
    local names = redis.call('HGET', key('names', id), ordinal)
    take_out_of_index('p', string.match(row, '^%d+'), id .. '.' .. ordinal)
    if names then take_out_reference(names, id .. '.' .. ordinal) end
  end
  redis.call('LTRIM', k, 0, -#rows - 1)
  work_left = work_left - 3 * #rows
  return before == 0
end

-- Takes a job that goes away out of the index, but for its recipients' own references; returns whether all
-- of it is out.
local function forget_in_index(id, job)
  if not secret_of_index() then return true end
  if job.is_gathered then return forget_sends(id) end
  if job.kind == 'quick' then
    local phone = redis.call('HKEYS', key('recipients', id, 1, 0))[1]
    if phone then take_out_of_index('p', phone, id) end
  end
  if not job.campaign then take_out_reference(job.names, id) end
  return true
end
