-- fold.lua: add a minute that is over to the totals, once, and keep it packed for 72 hours.
--
-- ARGV[4]    keep_ms  for so long a packed minute is kept
-- ARGV[5]    minute
-- ARGV[6]    packed   as smsq/measures/folding.py packed what it read
-- returns    1; 0 where another worker was first
local MOST_FIELDS, minute = 3000, ARGV[5]
local totals = key('totals')

-- Senders are names that callers choose: past the bound they share one.
local function field_for(field, size)
  if size < MOST_FIELDS or redis.call('HEXISTS', totals, field) == 1 then return field end
  return (string.gsub(field, '^f|.*|(%a)$', 'f|other|%1'))
end

-- What another measured meanwhile, its clock being late, is in it.
if redis.call('ZREM', key('minutes'), minute) == 0 then return 0 end
local flat, size = redis.call('HGETALL', key('minute', minute)), redis.call('HLEN', totals)
for i = 1, #flat, 2 do redis.call('HINCRBY', totals, field_for(flat[i], size), flat[i + 1]) end
redis.call('UNLINK', key('minute', minute))
redis.call('SET', key('minute', minute), ARGV[6], 'PX', int(tonumber(ARGV[4])))
return 1
