-- agree.lua: say with which values a process runs, of settings that must be alike everywhere; find out
-- which others run with other ones.
--
-- The hash `settings` has a field `<name>=<value>` for each value in use: when it was last told, and by
-- whom. What nobody tells any more is forgotten: its processes ended, or run with another value now.
--
-- ARGV[4]  who
-- ARGV[5]  forget_ms  what nobody has told for so long is forgotten
-- ARGV[6]  1: news is kept from now on for as long as this process says; 0: it has no say in that
-- ARGV[7+] names and values in turn
-- returns  names, values and who told them, of other values in use: {name, value, who, ...}
-- begins no clock
local k, forget_ms = key('settings'), tonumber(ARGV[5])
local mine = {}
for i = 7, #ARGV - 2, 2 do mine[ARGV[i]] = ARGV[i + 1] end

local others = {}
for field, told in pairs(load(k) or {}) do
  local name, value = string.match(field, '^([^=]+)=(.*)$')
  local at_ms, who = string.match(told, '^(%d+) (.*)$')
  if tonumber(at_ms) + forget_ms < NOW_MS then
    redis.call('HDEL', k, field)
  elseif mine[name] and mine[name] ~= value then
    table.insert(others, name)
    table.insert(others, value)
    table.insert(others, who)
  end
end
for name, value in pairs(mine) do
  redis.call('HSET', k, name .. '=' .. value, int(NOW_MS) .. ' ' .. ARGV[4])
end
redis.call('PEXPIRE', k, forget_ms)
if ARGV[6] == '1' then redis.call('HSET', key('limiter'), 'events_keep_ms', ARGV[#ARGV]) end
return others
