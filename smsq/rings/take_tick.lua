-- take_tick.lua: take one of beat's ticks, with the work that it is for.

-- False for one that comes so soon after another: it waited in the broker, or two beats run.
local function take_tick(task, apart_ms)
  local ticks = key('ticks')
  local taken_ms = tonumber(redis.call('HGET', ticks, task))
  local is_late = taken_ms and NOW_MS >= taken_ms and NOW_MS - taken_ms < tonumber(apart_ms)
  redis.call('HSET', ticks, task .. ':untaken', 0, task, int(is_late and taken_ms or NOW_MS))
  return not is_late
end
