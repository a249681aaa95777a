-- forgotten.lua: name what waits while too few workers do anything about it.
-- needs limit.lua
-- needs endpoints.lua
--
-- Any worker that holds for a slot works off whatever waits, so a lost ring matters only when nobody
-- holds, or when slots go unused.
--
-- ARGV[6]  idle_us      nobody asked for a slot for so long: nobody holds
-- ARGV[7]  spare_us     no slot was used for so long: slots go unused
-- ARGV[8]  min_age_ms   what has waited for less is about to be taken
-- ARGV[9]  limit        most jobs of each class
-- returns  {{class, {{id, kind}, ...}}, ...}; kind '' for polls
local l = limiter_state()
local gates = endpoint_gates(l)
local is_idle = NOW_US - (tonumber(l.looked_at_us) or 0) > tonumber(ARGV[6])
local function has_open()
  local open, goes_on = gates.find_all_next(false)
  return next(open) or goes_on
end
local has_spare = not is_closed(l) and NOW_US - l.planned_us > tonumber(ARGV[7]) and has_open()
if not is_idle and not has_spare then return {} end

local found = {}
for _, class in ipairs({'urgent', 'normal', 'bulk', 'poll'}) do
  local line = redis.call('ZRANGE', key('ready', class), 0, tonumber(ARGV[9]) - 1, 'WITHSCORES')
  local rows = {}
  for i = 1, #line, 2 do
    local id, age_ms = line[i], NOW_MS - tonumber(line[i + 1])
    -- Who stands far ahead of the clock was there before it was set back.
    if age_ms >= tonumber(ARGV[8]) or age_ms < -LOST_MS then
      local kind = class == 'poll' and '' or redis.pcall('HGET', key('job', id), 'kind')
      if type(kind) == 'table' then kind = false end
      if kind then table.insert(rows, {id, kind}) else redis.call('ZREM', key('ready', class), id) end
    end
  end
  if #rows > 0 then table.insert(found, {class, rows}) end
end
return found
