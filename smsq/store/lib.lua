-- lib.lua: what every ledger script starts with, after news.lua. Prepended by smsq/store/scripts.py.
--
-- ARGV[1]  namespace      prefix of every key
-- ARGV[2]  now_us         '' means Redis' own clock, so workers with wrong clocks share one truth; tests
--                         pass a clock of their own. Then `~` and the most that the ledger's time can
--                         be, by whoever watches it (smsq/store/clock.py)
-- ARGV[3]  retention_ms   how long a finished job is kept
-- ARGV[4+] the script's own arguments, and events_keep_ms after them (news.lua)
--
-- Keys, all below the namespace (smsq/store/keys.py names those that Python reads):
--   job:<id>                  hash: one job
--   message:<id>:<n>          hash: message n of a job, counted from 1
--   recipients:<id>:<n>:<b>   hash: phone -> state letter|gateway time|gateway word, '' at first;
--                             split into buckets small enough for Redis' packed encoding
--   texts:<id>:<n>            hash: phone -> personal text, gone once the job is accepted or given up
--   gathered:<id>             list: sends of a gathered job by ordinal: phone|ms.tag, and |why|ms once out
--   deadlines:<id>            zset: ordinal of a send -> when it expires
--   left_out:<id>             hash: ordinal of a send that may be out and is not sent again -> why|newest
--                             claim that had it|phone|which rule
--   gone:<id>                 hash: ordinal of a send that left a job after a claim had it, and is not out as
--                             far as is known -> newest claim that had it|days on which the cap counted it
--   open:<group>              list: jobs that sends of one kind are gathered into, oldest first
--   gathering                 zset: open job -> when it closes
--   receipts:<id>             list: raw receipts, newest last
--   timeline:<id>             list: ms|what|detail, newest last; what happened to the job or campaign
--   campaign:<id>             hash: counts and brakes (below), `is_open` until it has ended; campaign_jobs:<id>  list of job ids
--   campaigns                 zset: campaign -> when it was enqueued
--   aligning                  zset: campaign -> when its jobs are to be brought in line (align.lua)
--   draft:<name>              hash: a campaign in the making, how far it is; named by the digest of
--                             its idempotency key, or by its own id
--   staged:<campaign>         list: its job ids, which become campaign_jobs with the commit
--   drafts                    zset: <campaign>|<name> -> when to take it for left behind
--   launching                 zset: committed campaign with jobs not in line yet -> when recover
--                             goes on with it, because whoever committed it did not
--   ready:<priority>          zset: queued jobs -> their places, see below; the next slot takes the first
--   ready:poll                zset: <job id>:<n> whose poll is due -> since when
--   due                       zset: job -> when it needs a look; every job stands here or in ready
--   chores                    zset: job with something left to do after it moved -> since when (chores.lua)
--   polls                     zset: <job id>:<n> -> when to ask for reports next
--   limiter                   hash: the one rate and the one gate (limit.lua), the one clock (below)
--   ticks                     hash: when beat's ticks were taken and sent (tick.lua)
--   workers                   zset: worker -> when its consumer last asked for rings
--   versions                  hash: worker -> since when and which smsq it runs (presence.lua)
--   audit                     stream: who did what (audit.lua); audit_head  string: <id>:<digest> of its newest entry
--   page_key                  string: signs the sessions of the operators' page
--   page_ended                zset: session that was logged out -> when it would have ended
--   page_tries:<who>          string with a time to live: when the next attempt to log in is on time (attempt.lua)
--   settings                  hash: <name>=<value> of a setting -> when and by whom it was told last (agree.lua)
--   heartbeat                 string: when beat's ticks were worked off last
--   heartbeat_sms             hash: the last heartbeat SMS, and when one arrived
--   disk                      string: written to see whether writes reach the disk, or a replica
--   console:<message id>      string with a time to live: phones of a message that `console:` took
--   fitness                   string: written and deleted to see what Redis' user may do
--   listed:<state>            zset: jobs that wait for an operator (unknown, dead) -> since when
--   listed:unmatched          zset: accepted jobs with messages whose ids nobody told -> since when
--   lookups                   zset: the same jobs -> when to look their ids up
--   optout:<shard>            set: phones that take no messages (optout.lua); few enough for Redis' packed
--                             encoding of whole numbers
--   optouts                   string: how many there are; not there for none
--   memory                    thousandths of maxmemory that are in use; for a tenth of a second
--   sent_to:<digest>          list: when quick messages for a phone came in (ms), the newest first; goes
--                             after the longest time of SMSQ_PER_PHONE
--   cap:<day>:<shard>         hash: phone -> campaign messages of that local day; gone when it is over
--   calendar:<week>           hash: <rule>|<region> -> JSON: quiet hours and days of that week (rules.lua)
--   regions:<id>              hash: phone -> its region's place in the job's field `regions`, for all but
--                             the first; gone once the job is accepted or given up
--   held                      zset: jobs that wait for the end of quiet hours -> until when
--   held_by                   string: the quiet hours that they wait for, see recover.lua
--   counts                    hash: job:<state>, recipient:<state>, and oddities
--   totals                    hash: what was measured since ever (measure.lua)
--   minutes                   zset: minutes that are not in the totals yet
--   minute:<minute>           hash: what was measured in it
--   history:<minute>          string: the same packed, once it is in the totals; a quarter of an hour's where that is much
--   words                     hash: words of the gateway's that we do not know -> how often they came
--   names:<id>                hash: ordinal of a gathered job's send -> what its caller calls it (index.lua)
--   references:<id>:<n>:<b>   hash: phone -> reference of its own, in buckets as recipients
--   index:<shard>             list: entries by which jobs are found again (index.lua)
--   index_secret              string: what keys the digests of the index
--   enqueued:<span>           list: jobs of ten minutes, newest last
--   spans                     zset: <span> of which there are jobs -> the same
--   key:<digest>              string: idempotency key -> id|content digest; it lives as long as what it names
--   keys:<id>                 list: digests of the keys of a gathered job's sends
--   events                    stream: at_ms, changes, news (news.lua); gone when all of it is old
--   event_groups              zset: group of the stream's readers -> when one joined it last
--   webhook                   hash: how far the stream was taken out, and how the receiver is (webhook_state.lua)
--   delivery:<id>             hash: entries of the stream on their way to the webhook, how many events of
--                             them are taken, how often and when posts failed
--   deliveries                zset: delivery -> when to post it
--   dead_deliveries           zset: delivery -> since when it is given up
--
-- Fields of the campaign's hash, its counts and brakes:
--   brake, brake_why          paused, stopped (by itself) or cancelled; without the field it goes on
--   braked_at_ms, released_at_ms  since when it is or was held up, and until when
--   max_failed_ppm            it stops itself when more of a million recipients fail
--   canary                    waiting, passed, failed or skipped; while it waits, only jobs with the
--                             field is_canary go out
--   canary_left, canary_recipients  its jobs that are not final, its size
--   canary_until_ms, canary_span_ms its bound, which is so long after it could begin
--   aligned                   place in campaign_jobs up to which its jobs are in line; none: all are
--   key                       digest of its idempotency key
--   jobs, purged              how many it has, and how many of them are not in the ledger any more
--   is_proven                 the gateway has a job of it of which everybody was withheld
--   unsent:<state>            recipients of jobs that ended unsent; they are pending in the counts

local NS, RETENTION_MS = ARGV[1], tonumber(ARGV[3])

-- The ledger's clock goes on evenly, also where Redis' own is set or another Redis takes over: what the
-- time of Redis stepped is taken off. So all times in the ledger are times of this clock, and one may
-- be compared with another; moments of the world (quiet hours, schedules) are brought to it by moment_ms.
--
-- A step back shows by itself: every call keeps the time that it saw. A step ahead looks as if nobody had
-- called for so long: whoever was there tells (clock.lua). Until then, and while nobody has been sure of
-- the time lately, callers trust Redis no further than their own clocks.
--
-- It is kept in the hash `limiter`: seen_us (Redis' time), stepped_us, sure_us (the ledger's time when
-- somebody was sure of it last), born_us (when it began), and format (below).
local CLOCK = NS .. ':limiter'

local function redis_us()
  local told = string.match(ARGV[2], '^%d+')
  if told then return tonumber(told) end
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

-- How the ledger is kept, in the field `format` of the same hash: grows with each change that an older
-- version would read wrongly. A ledger without it is older than this number, and read all the same.
local FORMAT = 2

local function read_clock()
  local raw_us = redis_us()
  local kept = redis.call('HMGET', CLOCK, 'seen_us', 'stepped_us', 'sure_us', 'format', 'events_keep_ms')
  EVENTS_KEEP_MS = tonumber(kept[5] or ARGV[#ARGV])
  local format = tonumber(kept[4]) or 0
  if format > FORMAT and not TAKES_NEWER then error('the ledger is of a newer format') end
  local seen_us, stepped_us = tonumber(kept[1]) or 0, tonumber(kept[2]) or 0
  if raw_us < seen_us then stepped_us = stepped_us + raw_us - seen_us end
  if kept[1] or BEGINS_CLOCK then
    -- A Redis that is full or no longer the master still tells the time.
    if format < FORMAT then redis.pcall('HSET', CLOCK, 'format', FORMAT) end
    if not kept[1] then redis.pcall('HSET', CLOCK, 'born_us', string.format('%.0f', raw_us)) end
    -- It is kept no more often: a clock that is set back takes the ledger back by no more.
    local SEEN_EVERY_US = 250000
    if raw_us < seen_us or raw_us - seen_us >= SEEN_EVERY_US then
      redis.pcall('HSET', CLOCK, 'seen_us', string.format('%.0f', raw_us), 'stepped_us', string.format('%.0f', stepped_us))
    end
  end
  local at_most_us = tonumber(string.match(ARGV[2], '~(%d+)'))
  local now_us = raw_us - stepped_us
  if not at_most_us then return now_us, raw_us, stepped_us, false end
  -- So far the ledger's clock may be ahead of a caller's: answers take their time. Workers look each second.
  local SLACK_US, LATELY_US = 1000000, 3000000
  local is_sure, unsure_us = now_us <= at_most_us + SLACK_US, now_us - (tonumber(kept[3]) or 0)
  if not is_sure and (unsure_us < 0 or unsure_us > LATELY_US) then now_us = at_most_us + SLACK_US end
  return now_us, raw_us, stepped_us, is_sure
end
local NOW_US, REDIS_US, STEPPED_US, IS_SURE = read_clock()
local NOW_MS = math.floor(NOW_US / 1000)

-- Lua writes large numbers as 1.7e+12; Redis and Python want digits.
local function int(n) return string.format('%.0f', n) end

-- The world's time, as Redis has it now, and the ledger's time of one of the world's moments.
local WORLD_MS = NOW_MS + math.floor(STEPPED_US / 1000)
local function moment_ms(world_ms) return world_ms - WORLD_MS + NOW_MS end

-- A claim makes two dozen: no table for each.
local function key(what, id, n, bucket)
  if bucket then return NS .. ':' .. what .. ':' .. id .. ':' .. n .. ':' .. bucket end
  if n then return NS .. ':' .. what .. ':' .. id .. ':' .. n end
  return id and NS .. ':' .. what .. ':' .. id or NS .. ':' .. what
end

local function to_hash(flat)
  local t = {}
  for i = 1, #flat, 2 do t[flat[i]] = flat[i + 1] end
  return t
end

local function load(k)
  local flat = redis.call('HGETALL', k)
  if #flat == 0 then return nil end
  return to_hash(flat)
end

-- HSET in slices: Lua cannot unpack more than about 8,000 values into one call.
local function hset_all(k, flat)
  for i = 1, #flat, 4000 do
    redis.call('HSET', k, unpack(flat, i, math.min(i + 3999, #flat)))
  end
end

-- HMGET likewise.
local function hmget_all(k, fields)
  if #fields > 0 and #fields <= 4000 then return redis.call('HMGET', k, unpack(fields)) end
  local values = {}
  for i = 1, #fields, 4000 do
    local part = redis.call('HMGET', k, unpack(fields, i, math.min(i + 3999, #fields)))
    for _, value in ipairs(part) do table.insert(values, value) end
  end
  return values
end

local function schedule(id, at_ms) redis.call('ZADD', key('due'), int(at_ms), id) end

local function split(text, separator)
  local parts = {}
  for part in string.gmatch(text, '[^' .. separator .. ']+') do table.insert(parts, part) end
  return parts
end

-- In slices, for the same reason as above.
local function unlink_all(keys)
  for i = 1, #keys, 4000 do
    redis.call('UNLINK', unpack(keys, i, math.min(i + 3999, #keys)))
  end
end

local RECIPIENT_STATES = {'pending', 'sent', 'delivered', 'undelivered', 'no_report', 'withheld'}
local FINAL = {done = true, rejected = true, dead = true, cancelled = true, expired = true}
