-- move.lua: how jobs change their states, and what is counted and noted then. Every script begins with
-- it, after phones.lua.
-- Campaigns whose counts this call moved: brakes.lua looks at them in the end, when all counts fit.
local MOVED = {}

local function count(job, what, by)
  if by == 0 then return end
  redis.call('HINCRBY', key('counts'), what, by)
  if job.campaign then
    redis.call('HINCRBY', key('campaign', job.campaign), what, by)
    MOVED[job.campaign] = true
  end
end

-- A job of several messages keeps totals over them, so that nobody goes through them all to know one:
--   pending, sent   recipients in these states
--   idless          messages that need an id and have none
-- Jobs from before have none; and where there is one message, it is asked itself.
local function begin_totals(job)
  if tonumber(job.messages) == 1 then return end
  job.pending, job.sent, job.idless = job.size, 0, job.messages
end

local function add_to_total(id, job, what, by)
  if job.idless and job[what] then job[what] = redis.call('HINCRBY', key('job', id), what, by) end
end

-- Recipients of a message that are or are no longer in a state.
local function count_recipients(id, job, n, state, by)
  if by == 0 then return end
  redis.call('HINCRBY', key('message', id, n), state, by)
  count(job, 'recipient:' .. state, by)
  add_to_total(id, job, state, by)
end

-- How many of a job's recipients are in a state: pending or sent.
local function total_of(id, job, state)
  if job.idless then return tonumber(job[state]) end
  local total = 0
  for n = 1, tonumber(job.messages) do
    total = total + (tonumber(redis.call('HGET', key('message', id, n), state)) or 0)
  end
  return total
end

local function count_attempt(id, job, by)
  redis.call('HINCRBY', key('job', id), 'attempts', by)
  if job.campaign then redis.call('HINCRBY', key('campaign', job.campaign), 'attempts', by) end
end

-- A job's timeline is bounded: an hour of 429s must not grow it.
local MAX_NOTES = 100

local function note(id, what, detail)
  local k = key('timeline', id)
  local notes = redis.call('RPUSH', k, int(NOW_MS) .. '|' .. what .. '|' .. (detail or ''))
  if notes > MAX_NOTES then redis.call('LTRIM', k, -MAX_NOTES, -1) end
end

-- A thousand ids are no note.
local MOST_DETAIL = 500
local function cut_detail(text)
  return #text <= MOST_DETAIL and text or string.sub(text, 1, MOST_DETAIL) .. '...'
end

local LISTED = {unknown = true, dead = true}
-- A dead job keeps its texts for three days, so that it can be sent again.
local DEAD_TEXT_MS = 3 * 86400000

local function forget_texts(id, job)
  if job.keep_texts == '1' or job.texts_gone then return end
  if tonumber(job.messages) > 1 then
    redis.call('HSET', key('job', id), 'texts_gone', 1)
    job.texts_gone = '1'
  end
  add_chore(id, job, 'texts')
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

-- A gathered job takes no more recipients once anything has moved it.
local function close_gathering(id, job)
  if not job.is_open then return end
  job.is_open = nil
  redis.call('HDEL', key('job', id), 'is_open')
  redis.call('ZREM', key('gathering'), id)
  if job.group then redis.call('LREM', key('open', job.group), 0, id) end
end

-- Where a job goes that would be sent, did its campaign's brake not hold it; its error, and what its
-- timeline says. A dead one could be retried, so it is called off, too.
local function heed_brake(job, to, error, detail)
  local brake, word
  if to == 'queued' or to == 'waiting' or to == 'dead' then brake, word = braked(job) end
  if brake == 'cancelled' then
    return 'cancelled', 'cancelled before it was sent'
  elseif brake and to == 'queued' then
    local why = word == 'canary' and 'parked: its campaign waits for the canary' or 'parked: its campaign is ' .. word
    return 'waiting', error, why, true
  end
  return to, error, detail
end

local UNSENT = {rejected = true, dead = true, cancelled = true, expired = true}

-- More recipients than these are told by recover: a call may end many jobs.
local MOST_TOLD_AT_ONCE = 20

-- A job ends unsent, and with it its recipients that are pending: news says so of each (CHORES.unsent).
-- Its campaign has not ended before that is told.
local function tell_unsent(id, job, to, was)
  if not UNSENT[to] or UNSENT[was] or EVENTS_KEEP_MS == 0 then return end
  if job.campaign then redis.call('HINCRBY', key('campaign', job.campaign), 'telling', 1) end
  add_chore(id, job, 'unsent', nil, (tonumber(job.size) or 1) > MOST_TOLD_AT_ONCE)
end

-- What a campaign counts of its jobs beside their states. The recipients of a job that ended unsent
-- stay pending: their campaign knows how many they are.
local function count_in_campaign(id, job, to)
  if not job.campaign then return end
  local k, from = key('campaign', job.campaign), job.state
  if from ~= to and (UNSENT[from] or UNSENT[to]) then
    local pending = total_of(id, job, 'pending')
    if pending > 0 and UNSENT[from] then redis.call('HINCRBY', k, 'unsent:' .. from, -pending) end
    if pending > 0 and UNSENT[to] then redis.call('HINCRBY', k, 'unsent:' .. to, pending) end
  end
  if job.is_canary then
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

-- What the rules of sending keep with a job goes when the job goes on or ends (rules.lua).
local function forget_rules(id, job, to)
  if job.is_held then
    redis.call('ZREM', key('held'), id)
    redis.call('HDEL', key('job', id), 'is_held')
    job.is_held = nil
  end
  if not job.regions or not (FINAL[to] or to == 'accepted') then return end
  if job.counted and FINAL[to] and to ~= 'done' then
    add_chore(id, job, 'cap')
  elseif not string.find(job.chores or '', 'cap', 1, true) then
    forget_regions(id, job)
  end
end

-- What doubt and proof make of it (weigh). Where the gateway has a job after all, recover accepts it:
-- only there, and where the proof came, it is known how long to poll.
local function heed_doubt(id, job, to, error, detail)
  local now = weigh(job, to)
  if now == to then
    if job.ends_as and to ~= 'unknown' then
      redis.call('HDEL', key('job', id), 'ends_as')
      job.ends_as = nil
    end
    return to, error, detail
  end
  if now == 'accepted' then return 'unknown', 'the gateway has it already' end
  return now, put_off_end(id, job, to, error, detail)
end

-- The one place where a job changes its state; returns the state it is in now. Finished jobs are next
-- due when their retention ends. `detail` goes to the timeline where the error says nothing.
local function move(id, job, to, error, detail)
  local is_parked
  to, error, detail, is_parked = heed_brake(job, to, error, detail)
  to, error, detail = heed_doubt(id, job, to, error, detail)
  if job.state then count(job, 'job:' .. job.state, -1) end
  if job.state == 'queued' then redis.call('ZREM', key('ready', job.priority), id) end
  if to ~= job.state then tell_job(id, job, to, error) end
  if LISTED[job.state] and to ~= job.state then redis.call('ZREM', key('listed', job.state), id) end
  if job.state == 'accepted' then unlist_unmatched(id) end
  close_gathering(id, job)
  if job.is_held or job.regions then forget_rules(id, job, to) end
  if LISTED[to] then redis.call('ZADD', key('listed', to), 'NX', int(NOW_MS), id) end
  count(job, 'job:' .. to, 1)
  count_in_campaign(id, job, to)
  note(id, to, detail or error)
  if to == 'queued' then line_up(id, job) end
  if is_parked then
    job.ready_at_ms = place_of(job)
    redis.call('HSET', key('job', id), 'is_parked', 1, 'ready_at_ms', job.ready_at_ms)
    redis.call('ZADD', key('due'), job.expires_at_ms or '+inf', id)
  elseif job.is_parked then
    redis.call('HDEL', key('job', id), 'is_parked')
  end
  job.is_parked = is_parked and '1' or nil
  if FINAL[to] and to ~= 'dead' and job.state ~= 'accepted' then forget_texts(id, job) end
  local was = job.state
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
  if to == 'unknown' then redis.call('ZADD', key('due'), job.is_proven and int(NOW_MS) or '+inf', id) end
  tell_unsent(id, job, to, was)
  return to
end
