-- tick.lua: let beat notice when nobody takes its ticks (take_tick.lua).
--
-- All of it on the ledger's clock: a tick needs no time of its own, which another machine would judge.
--
-- ARGV[4]  what      'may': which may beat send? They are counted as sent. 'unsent': one could not be sent
--                    'age': when was one last taken?
-- ARGV[5]  apart_ms  may: beat's interval; while nobody takes ticks the pauses grow
-- ARGV[6]  many, ARGV[7] most_ms: may: so many that nobody took are sent at that interval, and then the
--                    pauses double, to this at most
-- ARGV[8+] tasks     whose ticks they are; unsent, age: one
-- returns  'may': {task, ...}; 'age': milliseconds, -1 when nobody remembers
local ticks, what, apart_ms = key('ticks'), ARGV[4], tonumber(ARGV[5])
local tasks, fields = {}, {}
for i = 8, #ARGV - 1 do
  local task = ARGV[i]
  tasks[#tasks + 1] = task
  for _, field in ipairs({task, task .. ':sent', task .. ':untaken'}) do fields[#fields + 1] = field end
end
local kept = redis.call('HMGET', ticks, unpack(fields))
local function read_tick(i)
  return tonumber(kept[3 * i - 2]), tonumber(kept[3 * i - 1]), tonumber(kept[3 * i]) or 0
end

if what == 'age' then
  local taken_ms = read_tick(1)
  return taken_ms and int(math.max(0, NOW_MS - taken_ms)) or -1
end
if what == 'unsent' then
  local _, _, untaken = read_tick(1)
  if untaken > 0 then redis.call('HSET', ticks, tasks[1] .. ':untaken', untaken - 1) end
  return 1
end
local found, changed = {}, {}
for i, task in ipairs(tasks) do
  local _, sent_ms, untaken = read_tick(i)
  local doublings = untaken - tonumber(ARGV[6])
  local pause_ms = doublings < 0 and 0 or math.min(apart_ms * 2 ^ math.min(doublings, 40), tonumber(ARGV[7]))
  if not (sent_ms and NOW_MS >= sent_ms and NOW_MS - sent_ms < pause_ms) then
    found[#found + 1] = task
    for _, told in ipairs({task .. ':sent', int(NOW_MS), task .. ':untaken', untaken + 1}) do changed[#changed + 1] = told end
  end
end
if #found > 0 then redis.call('HSET', ticks, unpack(changed)) end
return found
