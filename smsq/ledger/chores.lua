-- chores.lua: what is left to do for a job after it moved. Every script begins with it, after doubt.lua.
--
-- A job's state is right from the call on that moved it. What follows and grows with its size is done in
-- that call as far as its work goes, and then by recover, slice by slice. Meanwhile the job stands in
-- the zset `chores`, and its field `chores` says what is left and where each goes on:
-- name.argument@place;... Whoever claims it finishes them first.

-- When a message's age begins: when its job was accepted, or with its own schedule. What else its
-- request held has no say in it. In ledgers of format 1 the schedule stands in the job alone.
local function born_ms_of(job, starts_at_ms)
  -- Of several messages each has its own; jobs of format 1 keep no totals.
  if not job.idless then starts_at_ms = starts_at_ms or job.starts_at_ms end
  return math.max(tonumber(job.accepted_at_ms) or NOW_MS, tonumber(starts_at_ms) or 0)
end

-- A campaign's jobs begin at the same moment: their first polls are spread by their ids.
local function first_poll_at_ms(id, born_ms, first_poll_ms)
  if born_ms <= NOW_MS then return NOW_MS + first_poll_ms end
  local spread = (tonumber(string.sub(id, -4), 16) or 0) / 65536
  return born_ms + first_poll_ms * (1 + spread)
end

-- What the cap counted of a message: the days of its regions, as the job's field `regions` has them,
-- and up to which bucket. The days stood in the job once.
local function counted_of(job, message)
  local days = message.counted or (job.counted ~= '1' and job.counted) or nil
  return days and split(days, ';') or {}, tonumber(message.counted_to) or math.huge
end

-- Who is left out of an attempt while the job is in doubt was counted for another one, perhaps on another
-- day: what the cap counted stays, even when no doubt is left.
local function keep_cap(id, job)
  if not job.counted or job.cap_stays then return end
  redis.call('HSET', key('job', id), 'cap_stays', 1)
  job.cap_stays = '1'
end

-- How long a day's counts are kept: they live as long as the day, which has ended everywhere two days after
-- it began in Greenwich. It may be far ahead: messages are counted when they are handed over, on the day of
-- their schedule.
local function day_left_ms(day)
  local y, m, d = string.match(day, '^(%d%d%d%d)(%d%d)(%d%d)$')
  y, m, d = tonumber(y), tonumber(m), tonumber(d)
  -- Years that begin in March have their leap day at the end.
  if m < 3 then y, m = y - 1, m + 12 end
  local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400)
    + math.floor((153 * (m - 3) + 2) / 5) + d - 719469
  return (days + 2) * 86400000 - WORLD_MS
end

-- The cap counted phones of a message for an attempt that came to nothing for certain. Returns the days on
-- which it did, divided by ;
local function give_back_cap(id, job, n, phones, message)
  if not job.counted or job.may_be_out or job.cap_stays or #phones == 0 then return '' end
  message = message or load(key('message', id, n))
  local days, to = counted_of(job, message)
  local counted, buckets, on = {}, tonumber(message.buckets), {}
  for _, phone in ipairs(phones) do
    if bucket_of(phone, buckets) < to then counted[#counted + 1] = phone end
  end
  for place, some in pairs(by_region(id, job, counted)) do
    local day = days[place]
    if day and #some > 0 then on[#on + 1] = day end
    for _, phone in ipairs(day and some or {}) do
      local k = key('cap:' .. day, tonumber(phone) % SHARDS)
      if redis.call('HINCRBY', k, phone, -1) <= 0 then redis.call('HDEL', k, phone) end
    end
  end
  return table.concat(on, ';')
end

-- The gateway has what was given back: it counts again on these days, but for those that are over.
local function count_again(days, phones)
  local seen = {}
  for _, day in ipairs(split(days, ';')) do
    local left_ms = day_left_ms(day)
    for _, phone in ipairs(left_ms > 0 and not seen[day] and phones or {}) do
      local k = key('cap:' .. day, tonumber(phone) % SHARDS)
      redis.call('HINCRBY', k, phone, 1)
      redis.call('PEXPIRE', k, int(left_ms))
    end
    seen[day] = true
  end
end

-- Goes through a job's messages from a place on; returns the place after it, nil at the end.
local function each_message(id, job, place, cost, use)
  local n = tonumber(string.match(place, '^%d+'))
  while n <= tonumber(job.messages) do
    if work_left <= 0 then return int(n) .. ':0' end
    use(n)
    work_left = work_left - cost
    n = n + 1
  end
end

-- A chore goes on at a place, and returns the place after it, nil at the end. gathered.lua and recover.lua
-- add their own.
local CHORES = {}

function CHORES.texts(id, job, place)
  return each_message(id, job, place, 3, function(n)
    redis.call('HDEL', key('message', id, n), 'text')
    redis.call('UNLINK', key('texts', id, n))
  end)
end

function CHORES.polls(id, job, place, first_poll_ms)
  return each_message(id, job, place, 3, function(n)
    local message = redis.call('HMGET', key('message', id, n), 'message_id', 'starts_at_ms')
    if not message[1] then return end
    local first_ms = first_poll_at_ms(id, born_ms_of(job, message[2]), tonumber(first_poll_ms))
    redis.call('ZADD', key('polls'), 'NX', int(first_ms), id .. ':' .. n)
  end)
end

local function forget_regions(id, job)
  redis.call('UNLINK', key('regions', id))
  redis.call('HDEL', key('job', id), 'regions', 'counted')
  job.regions, job.counted = nil, nil
end

function CHORES.cap(id, job, place)
  local parts
  parts, place = cut_slice(id, job, place, PHONE_COST + 1.5)
  for _, part in ipairs(parts) do
    local k, days = key('message', id, part.n), give_back_cap(id, job, part.n, part.phones, part.message)
    if days ~= '' then
      redis.call('HSET', k, 'given_back', days .. '|' .. (part.message.counted_to or ''))
      redis.call('HSET', key('job', id), 'given_back', 1)
      job.given_back = '1'
    end
    if part.to >= part.buckets then redis.call('HDEL', k, 'counted', 'counted_to') end
  end
  if not place then forget_regions(id, job) end
  return place
end

-- Where the regions were on different days, nobody knows any more which phone was counted on which: each
-- counts on all of them.
function CHORES.count(id, job, place)
  local parts
  parts, place = cut_slice(id, job, place, PHONE_COST + 2)
  for _, part in ipairs(parts) do
    local days, to = string.match(part.message.given_back or '|', '^(.*)|(%d*)$')
    local phones = {}
    for _, phone in ipairs(part.phones) do
      if bucket_of(phone, part.buckets) < (tonumber(to) or math.huge) then table.insert(phones, phone) end
    end
    count_again(days, phones)
  end
  if not place then redis.call('HDEL', key('job', id), 'given_back') end
  return place
end

-- What is left of a job's chores is kept; what was kept and is done now goes.
local function run_chores(id, job, were_kept)
  while job.chores and work_left > 0 do
    local name, argument, place, rest = string.match(job.chores, '^(%a+)%.(%d*)@(%d+:%d+);?(.*)$')
    place = CHORES[name](id, job, place, argument)
    if place then rest = name .. '.' .. argument .. '@' .. place .. (rest ~= '' and ';' .. rest or '') end
    job.chores = rest ~= '' and rest or nil
  end
  if job.chores then
    redis.call('HSET', key('job', id), 'chores', job.chores)
    redis.call('ZADD', key('chores'), 'NX', int(NOW_MS), id)
  elseif were_kept then
    redis.call('HDEL', key('job', id), 'chores')
    redis.call('ZREM', key('chores'), id)
  end
end

local function do_chores(id, job) run_chores(id, job, true) end

-- Has a chore done; `later` leaves it to recover, where other jobs of this call come first.
local function add_chore(id, job, name, argument, later)
  local were_kept = job.chores ~= nil
  local chore = name .. '.' .. (argument or '') .. '@1:0'
  job.chores = were_kept and job.chores .. ';' .. chore or chore
  if later then
    redis.call('HSET', key('job', id), 'chores', job.chores)
    redis.call('ZADD', key('chores'), 'NX', int(NOW_MS), id)
  else
    run_chores(id, job, were_kept)
  end
end
