-- attempt.lua: count an attempt to log in, in each of several lines, or say how long it has to wait.
--
-- A line is kept as the time at which its next attempt would be on time; one that comes early by less
-- than burst - 1 pauses is let through.
--
-- ARGV[4], [7], ...  a line's name
-- ARGV[5], [8], ...  burst
-- ARGV[6], [9], ...  every_ms
--
-- Returns how many milliseconds to wait; 0: it may go on, and is counted.
-- begins no clock
local ahead_ms, wait_ms = {}, 0
-- The last argument is of news.lua.
for at = 4, #ARGV - 3, 3 do
  local burst, every_ms = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local next_ms = tonumber(redis.call('GET', key('page_tries', ARGV[at])) or 0)
  -- After a clock that was ahead, nobody waits longer than for all of a burst.
  local early_ms = math.min(math.max(0, next_ms - NOW_MS), burst * every_ms)
  wait_ms = math.max(wait_ms, early_ms - (burst - 1) * every_ms)
  ahead_ms[at] = early_ms + every_ms
end
if wait_ms > 0 then
  return int(math.ceil(wait_ms))
end
for at, left_ms in pairs(ahead_ms) do
  redis.call('SET', key('page_tries', ARGV[at]), int(NOW_MS + left_ms), 'PX', int(left_ms))
end
return 0
