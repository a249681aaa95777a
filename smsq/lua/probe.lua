-- probe.lua: what a probe is made with. Prepended to claim.lua.
--
-- ARGV[8]  is_probe   1: the slot is the one probe after a closing
--
-- Whoever closed the gate may have done so for a fault of its own, so a probe takes another one, where
-- another waits; while probes fail, it looks in another place each time, for a whole stretch of the
-- line may be at fault.
local IS_PROBE = ARGV[8] == '1'
local LOOKS_ELSEWHERE_AFTER = 2
local CLASSES = {'urgent', 'normal', 'bulk', 'poll'}

-- The first in line; for a probe the first who is not known to fail, nil where all are.
local function first_in_line(l, class)
  local ready = key('ready', class)
  if not IS_PROBE then return redis.call('ZRANGE', ready, 0, 0)[1] end
  local suspects, known = {}, split(l.closed_by or '', ' ')
  for _, who in ipairs(known) do suspects[who] = true end
  local from = 0
  if (tonumber(l.closings) or 0) > LOOKS_ELSEWHERE_AFTER then
    from = NOW_US % math.max(1, redis.call('ZCARD', ready) - #known)
  end
  for _, id in ipairs(redis.call('ZRANGE', ready, int(from), int(from + #known))) do
    if not suspects[id] then return id end
  end
end

-- Those classes of what waits that a probe can take somebody of; all of them where none can.
local function probe_among(l, waiting)
  if not (IS_PROBE and waiting) then return waiting end
  if l.probe_with == 'poll' and waiting.poll and first_in_line(l, 'poll') then return {poll = true} end
  local some, names = {}, {}
  for _, class in ipairs(CLASSES) do
    if waiting[class] and first_in_line(l, class) then
      some[class] = true
      table.insert(names, class)
    end
  end
  if #names == 0 then
    l.closed_by = nil
    return waiting
  end
  local closings = tonumber(l.closings) or 0
  if closings <= LOOKS_ELSEWHERE_AFTER then return some end
  return {[names[closings % #names + 1]] = true}
end
