-- lately.lua: what the gateway did to requests lately. Prepended to the scripts that need it.
--
-- Fields of the hash `limiter`:
--   passed_quick, passed_bulk, passed_poll   requests of each kind that passed: the gateway took them,
--              or refused them for what is in them
--   streak     the last failures since one passed, newest last: class/who, separated by blanks
-- Field of a job, or of a message that is polled:
--   aside      class|times|own|passed|passed alike: how it failed last and how often so in a row, how
--              often others passed meanwhile, and the numbers of requests that had passed then, of all
--              and of its own kind
local KEEPS_STREAK = 3

local function passed_by(kind)
  return tonumber(redis.call('HGET', key('limiter'), 'passed_' .. kind)) or 0
end

local function read_streak()
  return split(redis.call('HGET', key('limiter'), 'streak') or '', ' ')
end

local function save_streak(entries)
  while #entries > KEEPS_STREAK do table.remove(entries, 1) end
  if #entries == 0 then return redis.call('HDEL', key('limiter'), 'streak') end
  redis.call('HSET', key('limiter'), 'streak', table.concat(entries, ' '))
end

-- That reports can be read does not say that messages can be sent.
local SENDS_ALONE = {temporary = true, unknown = true}

local function note_pass(kind)
  redis.call('HINCRBY', key('limiter'), 'passed_' .. kind, 1)
  if kind ~= 'poll' then return redis.call('HDEL', key('limiter'), 'streak') end
  local entries, left = read_streak(), {}
  for _, entry in ipairs(entries) do
    if SENDS_ALONE[string.match(entry, '^(.-)/')] then table.insert(left, entry) end
  end
  if #left < #entries then save_streak(left) end
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

-- Notes one more failure of a job, or of a message (<job id>:<n>). Returns whether others passed since
-- it failed so last, how often it did in a row, and how often others of its kind passed meanwhile.
local function remember(class, who, kind)
  local k = key(string.find(who, ':', 1, true) and 'message' or 'job', who)
  if who == '' or redis.call('EXISTS', k) == 0 then return false, 1, 0 end
  local last = split(redis.call('HGET', k, 'aside') or '', '|')
  local passed, alike = passed_by('quick') + passed_by('bulk') + passed_by('poll'), passed_by(kind)
  local is_own, times, own = false, 1, 0
  if last[1] == class then
    -- That the gateway cannot be reached is nobody's own.
    local function noted(n) return tonumber(last[n]) or 0 end
    is_own = class ~= 'not_sent' and passed > noted(4)
    times, own = noted(2) + 1, noted(3)
    if alike > noted(5) then own = own + 1 end
  end
  redis.call('HSET', k, 'aside', table.concat({class, int(times), int(own), int(passed), int(alike)}, '|'))
  return is_own, times, own
end
