-- slot.lua: reserve the next slot of the cluster's one rate, or say why there is none.
-- needs limit.lua
-- needs endpoints.lua
--
-- A slot is a time, not yet a job: claim.lua takes what is most urgent when the time has come, so a
-- reservation never holds anybody up.
--
-- ARGV[6]  probe_us       a probe that says nothing for so long is taken for lost
-- returns  {'reserved', wait_us, epoch, 1 for a probe, how many wait}
--          {'closed', wait_us, epoch, why, 1 where what comes next may still go}: nothing reserved, ask again
--                  later
--          {'needless'}: nothing waits

-- A probe's answer may come soon.
local PROBE_LOOK_US = 100000

local function count_waiting()
  local waiting = 0
  for _, class in ipairs(CLASSES) do waiting = waiting + redis.call('ZCARD', key('ready', class)) end
  return waiting
end
-- Every worker asks all the time while the gate is closed: one command says whether anything waits.
local function is_anything_waiting()
  local lines = {}
  for i, class in ipairs(CLASSES) do lines[i] = key('ready', class) end
  return redis.call('EXISTS', unpack(lines)) > 0
end

local l = limiter_state()
local waiting = l.closed_until_us <= NOW_US and count_waiting()
if waiting == 0 or not waiting and not is_anything_waiting() then return {'needless'} end
heed_restore(l)
save_limiter('looked_at_us', int(NOW_US), 'sent_us', int(math.max(tonumber(l.sent_us) or 0, SENT_US or 0)))
local gates = endpoint_gates(l)
local function reserve_probe()
  save_limiter('probe_until_us', int(NOW_US + tonumber(ARGV[6])))
  return {'reserved', 0, int(l.epoch), 1, waiting or count_waiting()}
end
if l.closed_until_us > NOW_US then
  local is_free = l.fresh and l.probe_until_us <= NOW_US
  if is_free and next((gates.find_all_next(true))) then return reserve_probe() end
  local until_us = is_free and gates.find_opening_of_all() or l.closed_until_us
  return {'closed', int(until_us - NOW_US), int(l.epoch), l.why or '', l.fresh and 1 or 0}
end
if has_closed_endpoint(l) then
  local found, goes_on = gates.find_all_next(l.is_probing == '1')
  if not (next(found) or goes_on) then
    local until_us, why = gates.find_next_opening()
    return {'closed', int(until_us - NOW_US), int(l.epoch), why, 1}
  end
end
if l.is_probing == '1' then
  if l.probe_until_us > NOW_US then
    local wait_us = math.min(l.probe_until_us - NOW_US, PROBE_LOOK_US)
    return {'closed', int(wait_us), int(l.epoch), 'one probe is on its way', 0}
  end
  return reserve_probe()
end

local slot_us, in_burst = next_from_bucket(l, l.planned_us, l.in_burst, spare_of(allowed_burst(l)))
local planned_us = math.max(l.planned_us, slot_us) + apart_us(l)
save_limiter('planned_us', string.format('%.1f', planned_us), 'in_burst', in_burst)
return {'reserved', math.ceil(slot_us - NOW_US), int(l.epoch), 0, waiting or count_waiting()}
