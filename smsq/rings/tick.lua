-- tick.lua: let ticks be taken one at a time, and let beat notice when nobody takes them.
--
-- All of it on the ledger's clock: a tick needs no time of its own, which another machine would judge.
--
-- ARGV[4]  task      whose tick it is
-- ARGV[5]  what      'may': may beat send one? It is counted as sent. 'unsent': it could not be sent
--                    'take': a worker has one in hand; 'age': when was one last taken?
-- ARGV[6]  apart_ms  take: so soon after another it is superseded
--                    may: beat's interval; while nobody takes ticks the pauses grow
-- ARGV[7]  many, ARGV[8] most_ms: may: so many that nobody took are sent at that interval, and then the
--                    pauses double, to this at most
-- returns  1, or 0 for no; 'age': milliseconds, -1 when nobody remembers
local ticks, task, apart_ms = key('ticks'), ARGV[4], tonumber(ARGV[6])
local of_task = redis.call('HMGET', ticks, task, task .. ':sent', task .. ':untaken')
local taken_ms, sent_ms, untaken = tonumber(of_task[1]), tonumber(of_task[2]), tonumber(of_task[3]) or 0
local function is_within(at_ms, ms) return at_ms and NOW_MS >= at_ms and NOW_MS - at_ms < ms end

if ARGV[5] == 'age' then return taken_ms and int(math.max(0, NOW_MS - taken_ms)) or -1 end
if ARGV[5] == 'unsent' then
  if untaken > 0 then redis.call('HSET', ticks, task .. ':untaken', untaken - 1) end
  return 1
end
if ARGV[5] == 'may' then
  local doublings = untaken - tonumber(ARGV[7])
  local pause_ms = doublings < 0 and 0 or math.min(apart_ms * 2 ^ math.min(doublings, 40), tonumber(ARGV[8]))
  if is_within(sent_ms, pause_ms) then return 0 end
  redis.call('HSET', ticks, task .. ':sent', int(NOW_MS), task .. ':untaken', untaken + 1)
  return 1
end
local is_late = is_within(taken_ms, apart_ms)
redis.call('HSET', ticks, task .. ':untaken', 0, task, int(is_late and taken_ms or NOW_MS))
return is_late and 0 or 1
