-- recent_failures.lua: what the gateway did to requests lately. Prepended to the scripts that need it.
--
-- A success of one endpoint says little about another, so each is judged by its own requests. Fields of
-- the hash `limiter`, for each <kind> of quick, bulk, poll:
--   passed_<kind>   requests that passed: the gateway took them, or refused them for what is in them
--   streak_<kind>   the last failures since one passed, newest last: class/who, separated by blanks
-- and of its gate, see endpoints.lua.
-- Field of a job, or of a message that is polled:
--   aside      class|times|own|passed: how it failed last and how often so in a row, how often others of
--              its kind passed meanwhile, and how many of them had passed then
local KEEPS_STREAK = 3

local function passed_by(kind)
  return tonumber(redis.call('HGET', key('limiter'), 'passed_' .. kind)) or 0
end

local function read_streak(kind)
  return split(redis.call('HGET', key('limiter'), 'streak_' .. kind) or '', ' ')
end

local function save_streak(kind, entries)
  while #entries > KEEPS_STREAK do table.remove(entries, 1) end
  if #entries == 0 then return redis.call('HDEL', key('limiter'), 'streak_' .. kind) end
  redis.call('HSET', key('limiter'), 'streak_' .. kind, table.concat(entries, ' '))
end

-- Whatever passes proves that its endpoint works: its gate opens.
local GATE_FIELDS = {'closed_until_us', 'why', 'closings', 'closed_by', 'class', 'probe_until_us', 'prober', 'fresh'}
local function note_pass(kind)
  redis.call('HINCRBY', key('limiter'), 'passed_' .. kind, 1)
  local names = {'streak_' .. kind}
  for _, name in ipairs(GATE_FIELDS) do table.insert(names, name .. '_' .. kind) end
  redis.call('HDEL', key('limiter'), unpack(names))
end

-- How many different ones failed lately: in this class, and in any.
local function count_different(entries, class)
  local alike, all, seen_alike, seen = 0, 0, {}, {}
  for _, entry in ipairs(entries) do
    local its_class, who = string.match(entry, '^(.-)/(.*)$')
    if its_class == class and not seen_alike[who] then alike, seen_alike[who] = alike + 1, true end
    if not seen[who] then all, seen[who] = all + 1, true end
  end
  return alike, all
end

-- Notes one more failure of a job, or of a message (<job id>:<n>). Returns whether others of its kind
-- passed since it failed so last, how often it did in a row, how often others passed meanwhile, and
-- whether it never failed before; nobody in particular did not.
local function remember(class, who, kind)
  local k = key(string.find(who, ':', 1, true) and 'message' or 'job', who)
  if who == '' or redis.call('EXISTS', k) == 0 then return false, 1, 0, true end
  local last = split(redis.call('HGET', k, 'aside') or '', '|')
  local passed, is_own, times, own = passed_by(kind), false, 1, 0
  if last[1] == class then
    local function noted(n) return tonumber(last[n]) or 0 end
    local have_passed = passed > noted(4)
    -- That the gateway cannot be reached is nobody's own.
    is_own = have_passed and class ~= 'not_sent'
    times, own = noted(2) + 1, noted(3) + (have_passed and 1 or 0)
  end
  redis.call('HSET', k, 'aside', table.concat({class, int(times), int(own), int(passed)}, '|'))
  return is_own, times, own, not last[1]
end
