-- may_send_again.lua: ask whether what a key was used for ended unsent for certain, before it is sent again.
-- needs idempotency.lua
--
-- ARGV[4]  key      digest of the idempotency key
-- returns  nil | {'refused', the earlier id, its state}: as idempotency.lua would answer; it changes nothing
local names = redis.call('GET', key('key', ARGV[4]))
if not names then return nil end
local found = find_named(string.match(names, '^[^|]*'))
if found.is_unsent then return nil end
return {'refused', found.id, found.state}
