-- places.lua: places in a line: who comes first is first. Every script begins with it, after lib.lua.
--
-- A place in an order is a time in ms, so that it tells since when somebody waits. A millisecond holds
-- many: they are told apart by its fractions, as fine as numbers of this size may be.
local STEP_MS = 1 / 1024
local function write_place(place) return string.format('%.17g', place) end

-- The first free place of a millisecond among those who are due, nil where there is none.
local function free_place(ms)
  local last = redis.call('ZREVRANGEBYSCORE', key('due'), '(' .. int(ms + 1), int(ms), 'WITHSCORES', 'LIMIT', 0, 1)[2]
  local place = last and tonumber(last) + STEP_MS or ms
  return place < ms + 1 and place or nil
end

-- Jobs for one moment are due in the order in which they came. Those whom its millisecond does not hold
-- are due in the next ones: how many are full is found in steps that double, then halve.
local function schedule_in_turn(id, at_ms)
  local from_ms = math.floor(at_ms)
  local place, full, free = free_place(from_ms), 0, 1
  if not place then
    while not free_place(from_ms + free) do full, free = free, 2 * free end
    while free - full > 1 do
      local middle = math.floor((full + free) / 2)
      if free_place(from_ms + middle) then free = middle else full = middle end
    end
    place = free_place(from_ms + free)
  end
  redis.call('ZADD', key('due'), write_place(place), id)
end

-- When a job goes on in the morning: behind those that were held before it, closer and closer the more
-- they are; half of the spread is for the first so many.
local HALF = 40
local function end_of_hold(awake_ms, spread_ms)
  local last = redis.call('ZREVRANGEBYSCORE', key('held'), int(awake_ms + spread_ms), int(awake_ms),
    'WITHSCORES', 'LIMIT', 0, 1)[2]
  if not last then return awake_ms end
  local share = (tonumber(last) - awake_ms) / spread_ms
  if share >= 1 then return awake_ms + spread_ms end
  local before = HALF * share / (1 - share)
  return awake_ms + spread_ms * (before + 1) / (before + 1 + HALF)
end

-- A place further ahead of the clock than any burst was given by a clock that has been set back since.
local LOST_MS = 60000

-- The end of a line. Whoever comes later stands behind, in the same millisecond and also when the clock
-- is set back; the clock has its say again once nobody is left.
local function last_place(priority)
  local last = tonumber(redis.call('HGET', key('limiter'), 'line:' .. priority)) or 0
  if last > NOW_MS + LOST_MS and redis.call('EXISTS', key('ready', priority)) == 0 then return NOW_MS end
  return last
end

local function take_place(job)
  local place = write_place(math.max(NOW_MS, last_place(job.priority) + STEP_MS))
  redis.call('HSET', key('limiter'), 'line:' .. job.priority, place)
  return place
end

-- In these states a job keeps the place that it has: it is to be sent, or may have to be sent again.
local KEEPS_PLACE = {queued = true, waiting = true, submitting = true}

-- The place that a job stands at, or will when it comes back into the line.
local function place_of(job)
  local place = KEEPS_PLACE[job.state] and tonumber(job.ready_at_ms)
  if not place or place > math.max(NOW_MS, last_place(job.priority)) then return take_place(job) end
  return job.ready_at_ms
end

-- The time in which its campaign was held up does not count: its jobs come back in their old order, and
-- those that joined meanwhile after them.
local function place_after_brake(job)
  local times = redis.call('HMGET', key('campaign', job.campaign), 'braked_at_ms', 'released_at_ms')
  local braked_ms, released_ms = tonumber(times[1]) or NOW_MS, tonumber(times[2]) or NOW_MS
  local waited_ms = braked_ms - tonumber(job.ready_at_ms)
  return waited_ms > 0 and write_place(released_ms - waited_ms) or take_place(job)
end

-- Its next place is where it would be, were it ready only then.
local function lose_place(id, job)
  job.ready_at_ms = nil
  redis.call('HDEL', key('job', id), 'ready_at_ms')
end

-- A queued job waits for a slot, and needs a look only if it may not wait for ever.
local function line_up(id, job)
  job.ready_at_ms = job.is_parked and place_after_brake(job) or place_of(job)
  redis.call('HSET', key('job', id), 'ready_at_ms', job.ready_at_ms)
  redis.call('ZADD', key('ready', job.priority), job.ready_at_ms, id)
  if job.expires_at_ms then
    schedule(id, tonumber(job.expires_at_ms))
  else
    redis.call('ZREM', key('due'), id)
  end
end
