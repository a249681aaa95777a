-- clock.lua: tell the ledger's time to somebody who watches it (smsq/store/clock.py), and hear from them by how
-- much it went ahead of every clock there is.
--
-- Whoever keeps up with the ledger's time makes it sure; it can have stepped only since then, so one
-- process whose own clock stood still does not turn back everybody's time. A Redis that is full, or no
-- longer the master, still tells the time.
--
-- ARGV[4]  stepped_us  as it was told when it went ahead; '' for nothing to say
-- ARGV[5]  ahead_us    by so much
-- returns  {the ledger's time in us, stepped_us, when the ledger began, when the newest request was claimed}
local kept = redis.call('HMGET', CLOCK, 'sure_us', 'born_us', 'sent_us')
local sure_us, born_us, sent_us = tonumber(kept[1]) or 0, kept[2] or '0', kept[3] or '0'
local ahead_us = tonumber(ARGV[5]) or 0
if ahead_us > 0 and ARGV[4] == int(STEPPED_US) and REDIS_US - STEPPED_US - sure_us >= ahead_us then
  STEPPED_US = STEPPED_US + ahead_us
  NOW_US = REDIS_US - STEPPED_US
  redis.pcall('HSET', CLOCK, 'stepped_us', int(STEPPED_US))
  IS_SURE = true
end
if IS_SURE then redis.pcall('HSET', CLOCK, 'sure_us', int(REDIS_US - STEPPED_US)) end
return {int(REDIS_US - STEPPED_US), int(STEPPED_US), born_us, sent_us}
