-- optout.lua: change or ask the list of phones that take no messages.
-- begins no clock
--
-- ARGV[4]  what     'add', 'remove', 'count'
-- ARGV[5]  phones   JSON; some thousands at most
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
return found
