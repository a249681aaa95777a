-- optout.lua: change or ask the list of phones that take no messages.
-- begins no clock
-- needs audit.lua
--
-- ARGV[4]  what     'add', 'remove', 'count'
-- ARGV[5]  phones   JSON; some thousands at most
-- ARGV[6]  by       who, as user@host; '' for 'count'
-- ARGV[7]  act      as the audit trail calls it
-- ARGV[8]  shown    what is told of the phones there: some of them, masked, or where they come from
-- returns  how many were added, were removed, are there
local COMMAND = {add = 'SADD', remove = 'SREM', count = 'SMISMEMBER'}
local what, found = ARGV[4], 0
if what ~= 'add' and redis.call('EXISTS', key('optouts')) == 0 then return 0 end
ask_shards(by_shard(cjson.decode(ARGV[5])), COMMAND[what], 'optout', function(_, _, answer)
  if what ~= 'count' then
    found = found + answer
  else
    for _, is_there in ipairs(answer) do found = found + is_there end
  end
end)
if what == 'count' or found == 0 then return found end
local left = redis.call('INCRBY', key('optouts'), what == 'add' and found or -found)
if left <= 0 then redis.call('DEL', key('optouts')) end
record_act(ARGV[6], ARGV[7], int(found) .. (found == 1 and ' phone' or ' phones'), ARGV[8])
return found
