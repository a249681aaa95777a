-- tick.lua: let beat notice when nobody takes its ticks (take_tick.lua).
--
-- All of it on the ledger's clock: a tick needs no time of its own, which another machine would judge.
--
-- ARGV[4]  task      whose tick it is
-- ARGV[5]  what      'may': may beat send one? It is counted as sent. 'unsent': it could not be sent
--                    'age': when was one last taken?
-- ARGV[6]  apart_ms  may: beat's interval; while nobody takes ticks the pauses grow
-- ARGV[7]  many, ARGV[8] most_ms: may: so many that nobody took are sent at that interval, and then the
--                    pauses double, to this at most
-- returns  1, or 0 for no; 'age': milliseconds, -1 when nobody remembers
local ticks, task, apart_ms = key('ticks'), ARGV[4], tonumber(ARGV[6])
local of_task = redis.call('HMGET', ticks, task, task .. ':sent', task .. ':untaken')
local taken_ms, sent_ms, untaken = tonumber(of_task[1]), tonumber(of_task[2]), tonumber(of_task[3]) or 0

if ARGV[5] == 'age' then return taken_ms and int(math.max(0, NOW_MS - taken_ms)) or -1 end
if ARGV[5] == 'unsent' then
  if untaken > 0 then redis.call('HSET', ticks, task .. ':untaken', untaken - 1) end
  return 1
end
local doublings = untaken - tonumber(ARGV[7])
local pause_ms = doublings < 0 and 0 or math.min(apart_ms * 2 ^ math.min(doublings, 40), tonumber(ARGV[8]))
if sent_ms and NOW_MS >= sent_ms and NOW_MS - sent_ms < pause_ms then return 0 end
redis.call('HSET', ticks, task .. ':sent', int(NOW_MS), task .. ':untaken', untaken + 1)
return 1
