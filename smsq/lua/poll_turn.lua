-- poll_turn.lua: let the next page of a poll be read while this one is stored.
--
-- ARGV[4]  ref           <job id>:<n>
-- ARGV[5]  poll number   as in poll_page.lua
-- ARGV[6]  next_offset   where the next page starts
-- returns  1 | 0 where a newer poll has taken over
local id, n = string.match(ARGV[4], '^(.*):(%d+)$')
local message = load(key('message', id, n))
if not message or (message.poll_number or message.polls) ~= ARGV[5] then return 0 end
redis.call('HSET', key('message', id, n), 'poll_offset', ARGV[6])
line_up_page(ARGV[4])
return 1
