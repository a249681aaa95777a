-- endpoints.lua: the gate of each endpoint, beside the one gate for all. Prepended to the scripts that
-- need it.
--
-- An endpoint that fails while others pass holds back its own requests alone. Fields of the hash
-- `limiter`, for each <kind> of quick, bulk, poll; without the first the gate is open:
--   closed_until_us_<kind>  from then on one request, the probe, finds out whether it works again
--   why_<kind>, class_<kind>, closings_<kind> in a row
--   closed_by_<kind>        those whose failures closed it: a probe takes another, where another waits
--   prober_<kind>, probe_until_us_<kind>   who is the probe, on its way, or lost, until then
--   fresh_<kind>            class:failed:from_us for each class, separated by blanks. Whoever never failed
--                           is new evidence: from then on it may be the probe, though the gate is closed;
--                           `failed` of them were, and failed. The gate of all has the same in `fresh`
local CLASSES = {'urgent', 'normal', 'bulk', 'poll'}
local KINDS = {'quick', 'bulk', 'poll'}

local function has_closed_endpoint(l)
  return l.closed_until_us_quick or l.closed_until_us_bulk or l.closed_until_us_poll
end

local function read_fresh(stored)
  local levels = {}
  for class, failed, from_us in string.gmatch(stored or '', '(%a+):(%d+):(%d+)') do
    levels[class] = {failed = tonumber(failed), from_us = tonumber(from_us)}
  end
  return levels
end

-- One function for all of it: Lua allows a script 200 local names.
local function endpoint_gates(l)
  -- A message that is sent for nothing may be unknown; a report that is asked for in vain is nothing. So
  -- while polls fail as well, and some wait, they find out first; not for ever, for they may have reasons
  -- of their own.
  local ASKS_POLLS_FIRST = {temporary = true, unknown = true}
  local ASKS_POLLS_US, LOOK_US = 600e6, 1e6
  local function waits_for_polls(kind, until_us)
    return kind ~= 'poll' and l.closed_until_us_poll and l.class_poll == 'temporary'
      and ASKS_POLLS_FIRST[l['class_' .. kind]] and NOW_US < until_us + ASKS_POLLS_US
      and redis.call('EXISTS', key('ready', 'poll')) == 1
  end

  local fresh = {}
  local function fresh_of(kind, class)
    fresh[kind] = fresh[kind] or read_fresh(l[kind == '' and 'fresh' or 'fresh_' .. kind])
    return fresh[kind][class]
  end

  -- Of a gate that is closed until then: 'fresh' where new evidence may go, and when that may change.
  local function ask_for_fresh(kind, class, until_us)
    local level = fresh_of(kind, class)
    if not level then return 'closed', until_us end
    if level.from_us > NOW_US then return 'closed', math.min(until_us, level.from_us) end
    return 'fresh', until_us
  end

  -- For a class: 'open', 'closed', 'probing' where one request may go, or 'fresh' where one may that never
  -- failed; and when that may change.
  local function look_at_gate(kind, class)
    local closed_until_us = tonumber(l['closed_until_us_' .. kind])
    if not closed_until_us then return 'open', 0 end
    local probe_until_us = tonumber(l['probe_until_us_' .. kind]) or 0
    local until_us = math.max(closed_until_us, probe_until_us)
    if probe_until_us > NOW_US then return 'closed', probe_until_us end
    local level, waits = fresh_of(kind, class), waits_for_polls(kind, until_us)
    if waits then until_us = math.max(until_us, NOW_US + LOOK_US) end
    -- One that is sent for nothing says enough.
    if waits and not (level and level.failed == 0) then return 'closed', until_us end
    if until_us > NOW_US then return ask_for_fresh(kind, class, until_us) end
    return 'probing', until_us
  end

  -- The same of the gate of all, while no probe is on its way there, or for that probe.
  local function look_at_gate_of_all(class)
    if l.closed_until_us > NOW_US then return ask_for_fresh('', class, l.closed_until_us) end
    return l.is_probing == '1' and 'probing' or 'open', 0
  end

  -- The closed gate that opens first, for what waits in vain.
  local function find_next_opening()
    local first_us, why = NOW_US + LOOK_US, ''
    for _, kind in ipairs(KINDS) do
      for _, class in ipairs(CLASSES) do
        local state, until_us = look_at_gate(kind, class)
        if state ~= 'open' and until_us > NOW_US and (why == '' or until_us < first_us) then
          first_us, why = until_us, l['why_' .. kind] or ''
        end
      end
    end
    return first_us, why
  end

  -- When the gate of all may let somebody through.
  local function find_opening_of_all()
    local first_us = l.closed_until_us
    for _, class in ipairs(CLASSES) do
      local _, until_us = look_at_gate_of_all(class)
      if until_us > NOW_US then first_us = math.min(first_us, until_us) end
    end
    return first_us
  end

  -- Who in a line may go now. While an endpoint is closed, its jobs stay in the line and are passed over. So
  -- many are looked at in one call; where the next call goes on, the limiter's field over_<class> says:
  -- place|until|gates. It holds while the gates are the same, and some seconds more once the whole line was
  -- looked through: jobs that come back to their old places before it are found then.
  local LOOKS, OVER_US = 200, 10e6

  -- Its kind, and whether it never failed.
  local function kind_of(class, id)
    if class == 'poll' then return 'poll', redis.pcall('HEXISTS', key('message', id), 'aside') == 0 end
    -- What cannot be read is set aside by whoever claims it.
    local kind, aside = unpack(redis.pcall('HMGET', key('job', id), 'kind', 'aside'))
    return type(kind) == 'string' and kind or '', not aside
  end

  -- What a search of one class goes by: {all, gates = kind -> its gate, suspects = id -> true, sign, is_elsewhere}.
  local LOOKS_ELSEWHERE_AFTER = 2
  local function read_gates(is_probe, class)
    local search = {gates = {}, suspects = {}, sign = '', is_elsewhere = false}
    search.all = is_probe and look_at_gate_of_all(class) or 'open'
    local function suspect(names, closings)
      for _, who in ipairs(split(names or '', ' ')) do search.suspects[who] = true end
      if (tonumber(closings) or 0) > LOOKS_ELSEWHERE_AFTER then search.is_elsewhere = true end
    end
    if is_probe then suspect(l.closed_by, l.closings) end
    for _, kind in ipairs(KINDS) do
      local state = look_at_gate(kind, class)
      search.gates[kind] = state
      search.sign = search.sign .. string.sub(state, 1, 1)
      if state == 'probing' then suspect(l['closed_by_' .. kind], l['closings_' .. kind]) end
      if state == 'fresh' then suspect('', fresh_of(kind, class).failed) end
    end
    search.sign = search.sign .. string.sub(search.all, 1, 1)
    return search
  end

  -- Whether one may go: 'yes', 'no', or 'suspect' where another should.
  local function may_go(search, class, id)
    local kind, is_fresh = kind_of(class, id)
    local gate = search.gates[kind] or 'open'
    local is_probe = gate ~= 'open' or search.all ~= 'open'
    if gate == 'closed' or search.all == 'closed' then return 'no', is_probe end
    if (gate == 'fresh' or search.all == 'fresh') and not is_fresh then return 'no', is_probe end
    if search.suspects[id] and is_probe then return 'suspect', is_probe end
    return 'yes', is_probe
  end

  -- While probes fail, each looks in another place: a whole stretch of the line may be at fault.
  local function look_elsewhere(search, class)
    local ready = key('ready', class)
    local from = NOW_US % math.max(1, redis.call('ZCARD', ready) - 20)
    for _, id in ipairs(redis.call('ZRANGE', ready, int(from), int(from + 20))) do
      local may, is_probe = may_go(search, class, id)
      if may == 'yes' and is_probe then return id end
    end
  end

  -- Returns who goes next, whether that is a suspect, and whether the search has to go on in another call.
  local function find_next(search, class)
    local ready, name = key('ready', class), 'over_' .. class
    if search.is_elsewhere then
      local id = look_elsewhere(search, class)
      if id then return id, false, false end
    end
    local place, until_us, sign = string.match(l[name] or '', '^(.-)|(%d+)|(%a+)$')
    if sign ~= search.sign or tonumber(until_us) <= NOW_US then place = nil end
    local had_place = place ~= nil
    local after = place and '(' .. place or '-inf'
    local line = redis.call('ZRANGEBYSCORE', ready, after, '+inf', 'WITHSCORES', 'LIMIT', 0, LOOKS)
    local suspected, next_id
    for i = 1, #line, 2 do
      local may = may_go(search, class, line[i])
      if may == 'yes' then next_id = line[i]; break end
      if may == 'suspect' then suspected = suspected or line[i] end
      if not suspected then place = line[i + 1] end
    end
    local goes_on = not (next_id or suspected) and #line == 2 * LOOKS
    if place then
      until_us = (goes_on or not had_place) and int(NOW_US + OVER_US) or until_us
      l[name] = place .. '|' .. until_us .. '|' .. search.sign
      redis.call('HSET', key('limiter'), name, l[name])
    end
    if next_id then return next_id, false, false end
    return suspected, suspected ~= nil, goes_on
  end

  -- Who goes next of each class, {class = id}: no suspects where others wait. And whether to look on.
  local function find_all_next(is_probe)
    local found, suspected, goes_on = {}, {}, false
    if not (is_probe or has_closed_endpoint(l)) then
      for _, class in ipairs(CLASSES) do found[class] = redis.call('ZRANGE', key('ready', class), 0, 0)[1] end
      return found, false
    end
    for _, class in ipairs(CLASSES) do
      local id, is_suspect, is_unfinished = find_next(read_gates(is_probe, class), class)
      goes_on = goes_on or is_unfinished
      if is_suspect then suspected[class] = id else found[class] = id end
    end
    if next(found) or goes_on then return found, goes_on end
    return suspected, false
  end

  return {find_all_next = find_all_next, find_next_opening = find_next_opening,
    find_opening_of_all = find_opening_of_all, kind_of = kind_of}
end
