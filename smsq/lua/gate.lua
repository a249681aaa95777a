-- gate.lua: close the gate for everyone, open it, or forget that it was closed.
--
-- ARGV[4]  what       'close': a closing never shortens an earlier one
--                     'open':  at once, and forget earlier closings
--                     'forgive': after a success; the next closing starts from the first pause
-- ARGV[5]  close_us   from now; '' for a pause that doubles with each closing in a row
-- ARGV[6]  why        shown to operators
-- ARGV[7]  first_us, ARGV[8] max_us, ARGV[9] dice 0..1: that growing pause, with jitter
-- ARGV[10] now_us     '' means Redis' own clock
local limiter = key('limiter')
if ARGV[4] == 'forgive' then return redis.call('HDEL', limiter, 'closings') end
if ARGV[4] == 'open' then
  return redis.call('HDEL', limiter, 'closed_until_us', 'why', 'closings')
end

local now_us = tonumber(ARGV[10])
if not now_us then
  local t = redis.call('TIME')
  now_us = t[1] * 1000000 + t[2]
end
local closed_until_us = tonumber(redis.call('HGET', limiter, 'closed_until_us')) or 0
local closings = tonumber(redis.call('HGET', limiter, 'closings')) or 0
-- Requests that were on their way when the gate closed bring the same news again: one closing.
if closed_until_us <= now_us then
  closings = redis.call('HINCRBY', limiter, 'closings', 1)
end
local close_us = tonumber(ARGV[5])
if not close_us then
  local longest_us = math.min(tonumber(ARGV[7]) * 2 ^ math.min(closings - 1, 64), tonumber(ARGV[8]))
  close_us = longest_us * (0.5 + 0.5 * tonumber(ARGV[9]))
end
local until_us = math.max(now_us + close_us, closed_until_us)
redis.call('HSET', limiter, 'closed_until_us', string.format('%.0f', until_us), 'why', ARGV[6])
redis.call('PEXPIRE', limiter, 86400000 + math.ceil((until_us - now_us) / 1000))
return closings
