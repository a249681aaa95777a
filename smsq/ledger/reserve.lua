-- reserve.lua: refuses what is new while Redis is nearly full. Prepended to the scripts that store it.
--
-- What is stored already needs memory to go on: claims, answers, reports, brakes, opt-outs. One producer
-- must not take that, nor the part that urgent messages have beside the others'.

-- Ends the script with an error, before it has written anything, where only the reserve is left: above
-- 80 % of maxmemory for others, above 90 % for urgent messages.
local function keep_reserve(is_urgent)
  local k = key('memory')
  local share = tonumber(redis.call('GET', k))
  if not share then
    -- In small letters: no script needs the right to ask. Where there is none, there is no reserve.
    local told = redis.pcall('info', 'memory')
    if type(told) ~= 'string' then told = '' end
    local used, most = tonumber(string.match(told, 'used_memory:(%d+)')), tonumber(string.match(told, 'maxmemory:(%d+)'))
    share = used and most and most > 0 and math.floor(1000 * used / most) or 0
    -- Asked ten times a second at most, by whoever comes first. A quite full Redis takes not even this.
    if share > 0 then redis.pcall('SET', k, share, 'PX', 100) end
  end
  if share >= (is_urgent and 900 or 800) then error('the rest of the memory is kept') end
end
