-- fold.lua: add a minute that is over to the totals, once, and keep it packed for 72 hours.
--
-- What is kept packed has a key of its own: where the clock is set back, the minute begins anew as a hash,
-- and is added once more.
--
-- ARGV[4]    keep_ms  for so long a packed minute is kept
-- ARGV[5]    minute
-- ARGV[6]    packed   as smsq/measures/folding.py packed what it read
-- ARGV[7]    new      JSON: {"f|<sender>": 1, "k|<country code>": 1}: names that the totals take in
-- returns    1; 0 where another worker was first
local minute, new, totals = ARGV[5], cjson.decode(ARGV[7]), key('totals')

-- Senders are names that callers choose, and countries what they send to: past a bound they share one
-- name. As in smsq/measures/names.py.
local function field_for(field)
  local name, letter = string.match(field, '^([fk]|.*)|(%a)$')
  if not name or new[name] or redis.call('HEXISTS', totals, 'known|' .. name) == 1 then return field end
  return string.sub(name, 1, 2) .. 'other|' .. letter
end

-- What another measured meanwhile, its clock being late, is in it.
if redis.call('ZREM', key('minutes'), minute) == 0 then return 0 end
for name in pairs(new) do redis.call('HSET', totals, 'known|' .. name, 1) end
local flat = redis.call('HGETALL', key('minute', minute))
for i = 1, #flat, 2 do redis.call('HINCRBY', totals, field_for(flat[i]), flat[i + 1]) end
redis.call('UNLINK', key('minute', minute))
redis.call('SET', key('history', minute), ARGV[6], 'PX', int(tonumber(ARGV[4])))
return 1
