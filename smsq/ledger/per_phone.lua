-- per_phone.lua: how many quick messages one phone gets. Prepended to enqueue.lua.
--
-- sent_to:<digest> is a list of the moments at which messages for a phone came in, the newest first. It
-- is as long as the largest limit, so each look and each count costs the same.

-- {'limited', retry_after_ms, ''} where a limit is used up; else the message is counted and nil.
-- `limits`: '10/3600000,...' messages in so many milliseconds; '' for none.
local function heed_limits(limits, candidate, phone)
  if limits == '' then return nil end
  local secret = secret_of_index(candidate)
  local k = key('sent_to', digest_of(secret .. digest_of(secret .. 'l' .. phone)))
  local longest, most, wait_ms = 0, 0, 0
  for n, period_ms in string.gmatch(limits, '(%d+)/(%d+)') do
    n, period_ms = tonumber(n), tonumber(period_ms)
    most, longest = math.max(most, n), math.max(longest, period_ms)
    local at_ms = tonumber(redis.call('LINDEX', k, n - 1) or 0)
    if at_ms > NOW_MS - period_ms then wait_ms = math.max(wait_ms, math.min(period_ms, at_ms + period_ms - NOW_MS)) end
  end
  if wait_ms > 0 then return {'limited', int(wait_ms), ''} end
  redis.call('LPUSH', k, int(NOW_MS))
  redis.call('LTRIM', k, 0, most - 1)
  redis.call('PEXPIRE', k, longest)
end
