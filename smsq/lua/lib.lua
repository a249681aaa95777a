-- lib.lua: what every ledger script starts with, after news.lua. Prepended by smsq/scripts.py.
--
-- ARGV[1]  namespace      prefix of every key
-- ARGV[2]  now_us         '' means Redis' own clock, so workers with wrong clocks share one truth;
--                         tests pass a clock of their own
-- ARGV[3]  retention_ms   how long a finished job is kept
-- ARGV[4+] the script's own arguments, and events_keep_ms after them (news.lua)
--
-- Keys, all below the namespace (smsq/keys.py names those that Python reads):
--   job:<id>                  hash: one job
--   message:<id>:<n>          hash: message n of a job, counted from 1
--   recipients:<id>:<n>:<b>   hash: phone -> state letter|gateway time|gateway word, '' at first;
--                             split into buckets small enough for Redis' packed encoding
--   texts:<id>:<n>            hash: phone -> personal text, gone once the job is accepted or given up
--   gathered:<id>             list: sends of a gathered job by ordinal: phone|ms, and |why|ms once out
--   deadlines:<id>            zset: ordinal of a send -> when it expires
--   open:<group>              list: jobs that sends of one kind are gathered into, oldest first
--   gathering                 zset: open job -> when it closes
--   receipts:<id>             list: raw receipts, newest last
--   timeline:<id>             list: ms|what|detail, newest last; what happened to the job or campaign
--   campaign:<id>             hash: counts and brakes (below); campaign_jobs:<id>  list of job ids
--   campaigns                 zset: campaign -> when it was enqueued
--   aligning                  zset: campaign -> when its jobs are to be brought in line (align.lua)
--   draft:<name>              hash: a campaign in the making, how far it is; named by the digest of
--                             its idempotency key, or by its own id
--   staged:<campaign>         list: its job ids, which become campaign_jobs with the commit
--   drafts                    zset: <campaign>|<name> -> when to take it for left behind
--   launching                 zset: committed campaign with jobs not in line yet -> when recover
--                             goes on with it, because whoever committed it did not
--   ready:<priority>          zset: queued jobs -> since when; the next slot takes the oldest
--   ready:poll                zset: <job id>:<n> whose poll is due -> since when
--   due                       zset: job -> when it needs a look; every job stands here or in ready
--   polls                     zset: <job id>:<n> -> when to ask for reports next
--   limiter                   hash: the one rate and the one gate (limit.lua)
--   workers                   zset: worker -> when its consumer last asked for rings
--   disk                      string: written to see whether writes reach the disk
--   listed:<state>            zset: jobs that wait for an operator (unknown, dead) -> since when
--   listed:unmatched          zset: accepted jobs with messages whose ids nobody told -> since when
--   lookups                   zset: the same jobs -> when to look their ids up
--   optout:<shard>            set: phones that take no messages (optout.lua); few enough for Redis' packed
--                             encoding of whole numbers
--   optouts                   string: how many there are; not there for none
--   cap:<day>:<shard>         hash: phone -> campaign messages of that local day; gone two days later
--   calendar:<week>           hash: <rule>|<region> -> JSON: quiet hours and days of that week (rules.lua)
--   regions:<id>              hash: phone -> its region's place in the job's field `regions`, for all but
--                             the first; gone once the job is accepted or given up
--   held                      zset: jobs that wait for the end of quiet hours -> until when
--   held_by                   string: the quiet hours that they wait for, see recover.lua
--   counts                    hash: job:<state>, recipient:<state>, and oddities
--   words                     hash: words of the gateway's that we do not know -> how often they came
--   key:<digest>              string: idempotency key -> id|content digest
--   events                    stream: at_ms, changes, news (news.lua); gone when all of it is old
--   webhook                   hash: last_id that was taken out of the stream, look_at_ms
--   delivery:<id>             hash: entries of the stream on their way to the webhook
--   deliveries                zset: delivery -> when to post it
--   dead_deliveries           zset: delivery -> since when it is given up
--
-- Brakes are fields of the campaign's hash:
--   brake, brake_why          paused, stopped (by itself) or cancelled; without the field it goes on
--   braked_at_ms, released_at_ms  since when it is or was held up, and until when
--   max_failed_ppm            it stops itself when more of a million recipients fail
--   canary                    waiting, passed, failed or skipped; while it waits, only jobs with the
--                             field is_canary go out
--   canary_left, canary_recipients  its jobs that are not final, its size
--   canary_until_ms, canary_span_ms its bound, which is so long after it could begin
--   aligned                   place in campaign_jobs up to which its jobs are in line; none: all are
--   unsent:<state>            recipients of jobs that ended unsent; they are pending in the counts

local NS, RETENTION_MS = ARGV[1], tonumber(ARGV[3])

local function clock_us()
  if ARGV[2] ~= '' then return tonumber(ARGV[2]) end
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end
local NOW_US = clock_us()
local NOW_MS = math.floor(NOW_US / 1000)

-- Lua writes large numbers as 1.7e+12; Redis and Python want digits.
local function int(n) return string.format('%.0f', n) end

local function key(...) return NS .. ':' .. table.concat({...}, ':') end

local function load(k)
  local flat = redis.call('HGETALL', k)
  if #flat == 0 then return nil end
  local t = {}
  for i = 1, #flat, 2 do t[flat[i]] = flat[i + 1] end
  return t
end

-- HSET in slices: Lua cannot unpack more than about 8,000 values into one call.
local function hset_all(k, flat)
  for i = 1, #flat, 4000 do
    redis.call('HSET', k, unpack(flat, i, math.min(i + 3999, #flat)))
  end
end

-- Campaigns whose counts this call moved: brakes.lua looks at them in the end, when all counts fit.
local MOVED = {}

-- HMGET likewise.
local function hmget_all(k, fields)
  local values = {}
  for i = 1, #fields, 4000 do
    local part = redis.call('HMGET', k, unpack(fields, i, math.min(i + 3999, #fields)))
    for _, value in ipairs(part) do table.insert(values, value) end
  end
  return values
end

local function count(job, what, by)
  if by == 0 then return end
  redis.call('HINCRBY', key('counts'), what, by)
  if job.campaign then
    redis.call('HINCRBY', key('campaign', job.campaign), what, by)
    MOVED[job.campaign] = true
  end
end

local function count_attempt(id, job, by)
  redis.call('HINCRBY', key('job', id), 'attempts', by)
  if job.campaign then redis.call('HINCRBY', key('campaign', job.campaign), 'attempts', by) end
end

local function schedule(id, at_ms) redis.call('ZADD', key('due'), int(at_ms), id) end

-- A job's timeline is bounded: an hour of 429s must not grow it.
local MAX_NOTES = 100

local function note(id, what, detail)
  redis.call('RPUSH', key('timeline', id), int(NOW_MS) .. '|' .. what .. '|' .. (detail or ''))
  redis.call('LTRIM', key('timeline', id), -MAX_NOTES, -1)
end

local RECIPIENT_STATES = {'pending', 'sent', 'delivered', 'undelivered', 'no_report', 'withheld'}
local LISTED = {unknown = true, dead = true}
-- A dead job keeps its texts for three days, so that it can be sent again.
local DEAD_TEXT_MS = 3 * 86400000
local FINAL = {done = true, rejected = true, dead = true, cancelled = true, expired = true}

local function forget_texts(id, job)
  if job.keep_texts == '1' then return end
  for n = 1, tonumber(job.messages) do
    redis.call('HDEL', key('message', id, n), 'text')
    redis.call('UNLINK', key('texts', id, n))
  end
end

-- What the brake of its campaign makes of a job that would be sent: 'cancelled', 'waiting' or nil.
-- Second: the word for it.
local function braked(job)
  if not job.campaign then return nil end
  local brakes = redis.call('HMGET', key('campaign', job.campaign), 'brake', 'canary')
  if brakes[1] == 'cancelled' then return 'cancelled', brakes[1] end
  if brakes[1] then return 'waiting', brakes[1] end
  if brakes[2] == 'waiting' and not job.is_canary then return 'waiting', 'canary' end
end

-- A campaign's canary can go on only from a later moment on: its reports have as long as ever.
local function put_off_canary(campaign, from_ms)
  local k = key('campaign', campaign)
  local bound = redis.call('HMGET', k, 'canary_until_ms', 'canary_span_ms')
  redis.call('HSET', k, 'canary_until_ms', int(math.max(tonumber(bound[1]), from_ms + tonumber(bound[2]))))
end

-- A queued job waits for a slot, and needs a look only if it may not wait for ever. One that a 429
-- sent back keeps its place in the line.
local function line_up(id, job)
  if job.is_parked then
    -- The time in which its campaign was held up does not count: its jobs come back in their old
    -- order, and those that joined meanwhile after them.
    local times = redis.call('HMGET', key('campaign', job.campaign), 'braked_at_ms', 'released_at_ms')
    local braked_ms, released_ms = tonumber(times[1]) or NOW_MS, tonumber(times[2]) or NOW_MS
    job.ready_at_ms = int(released_ms - math.max(0, braked_ms - tonumber(job.ready_at_ms)))
  elseif job.state ~= 'submitting' or not job.ready_at_ms then
    job.ready_at_ms = int(NOW_MS)
  end
  redis.call('HSET', key('job', id), 'ready_at_ms', job.ready_at_ms)
  redis.call('ZADD', key('ready', job.priority), job.ready_at_ms, id)
  if job.expires_at_ms then
    schedule(id, tonumber(job.expires_at_ms))
  else
    redis.call('ZREM', key('due'), id)
  end
end

-- A gathered job takes no more recipients once anything has moved it.
local function close_gathering(id, job)
  if not job.is_open then return end
  job.is_open = nil
  redis.call('HDEL', key('job', id), 'is_open')
  redis.call('ZREM', key('gathering'), id)
end

-- Where a job goes that would be sent, did its campaign's brake not hold it; its error, and what its
-- timeline says. An attempt that may have been accepted is no less so for a cancelling.
local function heed_brake(job, to, error, detail)
  local brake, word
  if to == 'queued' or to == 'waiting' then brake, word = braked(job) end
  if brake == 'cancelled' and (job.may_be_out or job.error_class == 'unknown') then
    return 'unknown', 'its campaign was cancelled, but an attempt before that may have been accepted'
  elseif brake == 'cancelled' then
    return 'cancelled', 'cancelled before it was sent'
  elseif brake and to == 'queued' then
    local why = word == 'canary' and 'parked: its campaign waits for the canary' or 'parked: its campaign is ' .. word
    return 'waiting', error, why, true
  end
  return to, error, detail
end

local UNSENT = {rejected = true, dead = true, cancelled = true, expired = true}

-- What a campaign counts of its jobs beside their states. The recipients of a job that ended unsent
-- stay pending: their campaign knows how many they are. `to` is nil for a job that is purged.
local function count_in_campaign(id, job, to)
  if not job.campaign then return end
  local k, from = key('campaign', job.campaign), job.state
  if from ~= to and (UNSENT[from] or UNSENT[to]) then
    local pending = 0
    for n = 1, tonumber(job.messages) do
      pending = pending + (tonumber(redis.call('HGET', key('message', id, n), 'pending')) or 0)
    end
    if pending > 0 and UNSENT[from] then redis.call('HINCRBY', k, 'unsent:' .. from, -pending) end
    if pending > 0 and UNSENT[to] then redis.call('HINCRBY', k, 'unsent:' .. to, pending) end
  end
  if job.is_canary and to then
    if not from then redis.call('HINCRBY', k, 'canary_recipients', job.size) end
    local was_open, is_open = from ~= nil and not FINAL[from], not FINAL[to]
    if was_open ~= is_open then redis.call('HINCRBY', k, 'canary_left', is_open and 1 or -1) end
  end
end

-- Somebody told the ids of all its messages, or nobody needs them any more.
local function unlist_unmatched(id)
  redis.call('ZREM', key('listed', 'unmatched'), id)
  redis.call('ZREM', key('lookups'), id)
end

local function bucket_key(id, n, buckets, phone)
  local tail = tonumber(string.sub(phone, -6))
  if not tail then return nil end
  return key('recipients', id, n, math.floor(tail / 32) % buckets)
end

-- The phones of a message that are sent to: all but those that a rule took out.
local function phones_of(id, n)
  local message = redis.call('HMGET', key('message', id, n), 'buckets', 'withheld')
  local phones = {}
  for b = 0, tonumber(message[1]) - 1 do
    local k = key('recipients', id, n, b)
    if not message[2] then
      for _, phone in ipairs(redis.call('HKEYS', k)) do table.insert(phones, phone) end
    else
      for phone, value in pairs(load(k) or {}) do
        if string.sub(value, 1, 1) ~= 'w' then table.insert(phones, phone) end
      end
    end
  end
  return phones
end

-- What is kept per phone over all jobs is split into so many pieces, each small enough to be packed.
local SHARDS = 4096

local function by_shard(phones)
  local shards = {}
  for _, phone in ipairs(phones) do
    local shard = tonumber(phone) % SHARDS
    local found = shards[shard]
    if found then found[#found + 1] = phone else shards[shard] = {phone} end
  end
  return shards
end

-- Runs a command on each shard's phones, some thousands at a time; `use` gets shard, phones, answer.
local function ask_shards(shards, command, what, use)
  for shard, phones in pairs(shards) do
    local k = key(what, shard)
    for i = 1, #phones, 4000 do
      local part = #phones <= 4000 and phones or {unpack(phones, i, math.min(i + 3999, #phones))}
      use(k, part, redis.call(command, k, unpack(part)))
    end
  end
end

local function split(text, separator)
  local parts = {}
  for part in string.gmatch(text, '[^' .. separator .. ']+') do table.insert(parts, part) end
  return parts
end

-- Phones of a job by the place of their region in its field `regions`.
local function by_region(id, job, phones)
  local places = #split(job.regions, ';') > 1 and hmget_all(key('regions', id), phones) or {}
  local found = {}
  for i, phone in ipairs(phones) do
    local place = tonumber(places[i] or 1)
    found[place] = found[place] or {}
    table.insert(found[place], phone)
  end
  return found
end

-- The cap counted an attempt that came to nothing for certain, for these phones.
local function give_back_cap(id, job, phones)
  if not job.counted or job.may_be_out then return end
  local days = split(job.counted, ';')
  for place, some in pairs(by_region(id, job, phones)) do
    ask_shards(by_shard(some), 'HMGET', 'cap:' .. days[place], function(k, part, counts)
      for i, phone in ipairs(part) do
        if tonumber(counts[i] or 0) > 0 then redis.call('HINCRBY', k, phone, -1) end
      end
    end)
  end
end

-- How many recipients that is, should the job end now: a call may do so for some thousands only.
local function capped_size(job) return job.counted and tonumber(job.size) or 0 end

-- What the rules of sending keep with a job goes when the job goes on or ends (rules.lua).
local function forget_rules(id, job, to)
  if job.is_held then
    redis.call('ZREM', key('held'), id)
    redis.call('HDEL', key('job', id), 'is_held')
    job.is_held = nil
  end
  if not job.regions or not (FINAL[to] or to == 'accepted') then return end
  if FINAL[to] and to ~= 'done' then
    for n = 1, tonumber(job.messages) do give_back_cap(id, job, phones_of(id, n)) end
  end
  redis.call('UNLINK', key('regions', id))
  redis.call('HDEL', key('job', id), 'regions', 'counted')
  job.regions, job.counted = nil, nil
end

-- The one place where a job changes its state; returns the state it is in now. Finished jobs are next
-- due when their retention ends. `detail` goes to the timeline where the error says nothing.
local function move(id, job, to, error, detail)
  local is_parked
  local asked = to
  to, error, detail, is_parked = heed_brake(job, to, error, detail)
  if job.state then count(job, 'job:' .. job.state, -1) end
  if job.state == 'queued' then redis.call('ZREM', key('ready', job.priority), id) end
  if to ~= job.state then tell_job(id, job, to) end
  if LISTED[job.state] then redis.call('ZREM', key('listed', job.state), id) end
  if job.state == 'accepted' then unlist_unmatched(id) end
  close_gathering(id, job)
  if job.is_held or job.regions then forget_rules(id, job, to) end
  if LISTED[to] then redis.call('ZADD', key('listed', to), int(NOW_MS), id) end
  count(job, 'job:' .. to, 1)
  count_in_campaign(id, job, to)
  note(id, to, detail or error)
  if to == 'queued' then line_up(id, job) end
  if is_parked then
    if not job.ready_at_ms or (job.state ~= 'queued' and job.state ~= 'submitting') then
      job.ready_at_ms = int(NOW_MS)
    end
    redis.call('HSET', key('job', id), 'is_parked', 1, 'ready_at_ms', job.ready_at_ms)
    redis.call('ZADD', key('due'), job.expires_at_ms or '+inf', id)
  elseif job.is_parked then
    redis.call('HDEL', key('job', id), 'is_parked')
  end
  job.is_parked = is_parked and '1' or nil
  job.state = to
  redis.call('HSET', key('job', id), 'state', to, 'changed_at_ms', int(NOW_MS))
  if error == '' then
    redis.call('HDEL', key('job', id), 'error')
  elseif error then
    redis.call('HSET', key('job', id), 'error', error)
  end
  if FINAL[to] then
    schedule(id, NOW_MS + (to == 'dead' and math.min(DEAD_TEXT_MS, RETENTION_MS) or RETENTION_MS))
  end
  if to == 'cancelled' and asked ~= to then forget_texts(id, job) end
  if to == 'unknown' then redis.call('ZADD', key('due'), '+inf', id) end
  return to
end

-- Every key that belongs to one job alone.
local function keys_of(id, job)
  local found = {key('job', id), key('receipts', id), key('timeline', id), key('regions', id)}
  if job.is_gathered then
    table.insert(found, key('gathered', id))
    table.insert(found, key('deadlines', id))
  end
  for n = 1, tonumber(job.messages) do
    table.insert(found, key('message', id, n))
    table.insert(found, key('texts', id, n))
    local buckets = tonumber(redis.call('HGET', key('message', id, n), 'buckets') or 0)
    for b = 0, buckets - 1 do table.insert(found, key('recipients', id, n, b)) end
  end
  return found
end

-- In slices, for the same reason as above.
local function unlink_all(keys)
  for i = 1, #keys, 4000 do
    redis.call('UNLINK', unpack(keys, i, math.min(i + 3999, #keys)))
  end
end

-- Message n of a job, or a slice of it: then `fields` come with the first slice alone, and `pending`
-- says how many phones all slices have.
local function store_message(id, n, message)
  if message.fields then
    local flat = {'buckets', message.buckets, 'pending', message.pending or #message.phones}
    for name, value in pairs(message.fields) do
      table.insert(flat, name)
      table.insert(flat, value)
    end
    hset_all(key('message', id, n), flat)
  end
  local rows, texts = {}, {}
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
  end
  for k, row in pairs(rows) do hset_all(k, row) end
  if #texts > 0 then hset_all(key('texts', id, n), texts) end
end

local function store_job(id, job)
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
    local id = redis.call('RPOP', staged_key)
    local job = load(key('job', id))
    if job then unlink_all(keys_of(id, job)) end
  end
end

-- A draft that nobody wants any more: recover takes its jobs away.
local function forget_draft(campaign, name)
  local draft_key = key('draft', name)
  if redis.call('HGET', draft_key, 'campaign') ~= campaign then return end
  redis.call('DEL', draft_key)
  redis.call('ZADD', key('drafts'), int(NOW_MS), campaign .. '|' .. name)
end

-- A campaign's jobs begin at the same moment: their first polls are spread by their ids.
local function first_poll_at_ms(id, born_ms, first_poll_ms)
  if born_ms <= NOW_MS then return NOW_MS + first_poll_ms end
  local spread = (tonumber(string.sub(id, -4), 16) or 0) / 65536
  return born_ms + first_poll_ms * (1 + spread)
end

-- No receipt for so long: somebody or something else has to tell the ids.
local UNMATCHED_MS = 600000

-- The gateway never hears of a message all of whose recipients were taken out.
local function is_withheld(id, n)
  local counts = redis.call('HMGET', key('message', id, n), unpack(RECIPIENT_STATES))
  local withheld = tonumber(table.remove(counts)) or 0
  if withheld == 0 then return false end
  for i = 1, #RECIPIENT_STATES - 1 do
    if (tonumber(counts[i]) or 0) > 0 then return false end
  end
  return true
end

local function lacks_ids(id, job)
  for n = 1, tonumber(job.messages) do
    if redis.call('HEXISTS', key('message', id, n), 'message_id') == 0 and not is_withheld(id, n) then
      return true
    end
  end
  return false
end

-- The gateway has the job: forget its texts and poll every message whose id is known. The others
-- are polled from the moment on when a receipt teaches their ids. A scheduled job's age begins with
-- its schedule; what is forwarded to Viber may be delivered so much later.
local function accept(id, job, horizon_ms, first_poll_ms)
  local born_ms = math.max(NOW_MS, tonumber(job.starts_at_ms) or 0)
  local viber_ms = (tonumber(job.viber_after_min) or 0) * 60000
  move(id, job, 'accepted', '')
  redis.call('HSET', key('job', id), 'accepted_at_ms', int(NOW_MS), 'born_at_ms', int(born_ms))
  redis.call('HDEL', key('job', id), 'ready_at_ms', 'error_class')
  schedule(id, born_ms + tonumber(horizon_ms) + viber_ms)
  forget_texts(id, job)
  local first_ms = first_poll_at_ms(id, born_ms, tonumber(first_poll_ms))
  for n = 1, tonumber(job.messages) do
    if redis.call('HEXISTS', key('message', id, n), 'message_id') == 1 then
      redis.call('ZADD', key('polls'), int(first_ms), id .. ':' .. n)
    end
  end
  if lacks_ids(id, job) then
    redis.call('ZADD', key('listed', 'unmatched'), int(NOW_MS), id)
    redis.call('ZADD', key('lookups'), int(NOW_MS + UNMATCHED_MS), id)
  end
end

-- For news of a gathered job: phone -> ordinal of its send.
local function read_ordinals(id, job)
  if not job.is_gathered or EVENTS_KEEP_MS == 0 then return nil end
  local ordinals = {}
  for ordinal, row in ipairs(redis.call('LRANGE', key('gathered', id), 0, -1)) do
    local phone, left = string.match(row, '^(%d+)|%d+(|?)')
    if left == '' then ordinals[phone] = ordinal end
  end
  return ordinals
end

local function stop_polling(ref)
  redis.call('ZREM', key('polls'), ref)
  redis.call('ZREM', key('ready', 'poll'), ref)
end

local function has_texts(id, job)
  for n = 1, tonumber(job.messages) do
    if redis.call('HEXISTS', key('message', id, n), 'text') == 0
      and redis.call('EXISTS', key('texts', id, n)) == 0 and not is_withheld(id, n) then
      return false
    end
  end
  return true
end

-- It may have been accepted: nothing happens by itself until somebody or something tells.
local function hold_unknown(id, job, error)
  move(id, job, 'unknown', error)
end

local function unfinished(id, n)
  local counts = redis.call('HMGET', key('message', id, n), 'pending', 'sent')
  return (tonumber(counts[1]) or 0) + (tonumber(counts[2]) or 0)
end

-- So often a message is asked for whose id came after its horizon had passed.
local LATE_POLLS = 3

-- Keep a message's id, however it became known, and have the message polled. An id that is known
-- already must not bring a poll forward.
local function learn_id(id, job, n, message_id, due_ms)
  local message_key, ref = key('message', id, n), id .. ':' .. n
  local known = redis.call('HGET', message_key, 'message_id')
  redis.call('HSET', message_key, 'message_id', message_id)
  if known ~= message_id then
    if job.state == 'accepted' and unfinished(id, n) > 0 then
      redis.call('ZADD', key('polls'), 'LT', int(due_ms), ref)
    elseif job.state == 'done' and (tonumber(redis.call('HGET', message_key, 'no_report')) or 0) > 0 then
      redis.call('HSET', message_key, 'late_polls', LATE_POLLS)
      redis.call('ZADD', key('polls'), int(NOW_MS), ref)
    end
  end
  if not lacks_ids(id, job) then unlist_unmatched(id) end
end

-- Moves an accepted job to done once its last recipient is final.
local function finish_if_final(id, job)
  if job.state ~= 'accepted' then return end
  for n = 1, tonumber(job.messages) do
    if unfinished(id, n) > 0 then return end
  end
  move(id, job, 'done')
end
