-- unprepared.lua: what cannot be prepared for its request steps out of the line, so that the next in line
-- goes. Prepended to the scripts that need it.
--
-- Nothing of it was sent: no attempt is counted. The pause doubles from ASIDE_FIRST_MS to ASIDE_MAX_MS;
-- a job that was set aside so often is dead, so that an operator sees it. The job's field `asides`
-- counts them.
local ASIDE_FIRST_MS, ASIDE_MAX_MS, MOST_ASIDES = 2000, 3600000, 20

-- Jobs that were set aside together come back one by one.
local function aside_ms(id, asides)
  local longest_ms = math.min(ASIDE_FIRST_MS * 2 ^ (asides - 1), ASIDE_MAX_MS)
  return longest_ms * (0.5 + 0.5 * (tonumber(string.sub(id, -4), 16) or 0) / 65536)
end

-- A queued job, or one whose claim came to nothing; returns the state it is in now.
local function set_aside(id, job, why)
  local job_key = key('job', id)
  if job.state == 'submitting' then
    count_attempt(id, job, -1)
    redis.call('HDEL', job_key, 'lease_until_ms', 'preparing')
  end
  redis.call('HSET', job_key, 'error_class', 'unprepared')
  local asides = redis.call('HINCRBY', job_key, 'asides', 1)
  if asides >= MOST_ASIDES then
    redis.call('HDEL', job_key, 'asides')
    return move(id, job, 'dead', 'set aside ' .. asides .. ' times: ' .. why)
  end
  local now = move(id, job, 'waiting', why)
  if now == 'waiting' then
    schedule(id, math.min(NOW_MS + aside_ms(id, asides), tonumber(job.expires_at_ms) or math.huge))
  end
  return now
end

-- Redis itself refuses; that is no fault of the job at hand. By the first word of its answer, as in
-- store/refusals.py, or by others where that word is ERR.
local REFUSALS = {
  READONLY = true, MISCONF = true, OOM = true, NOREPLICAS = true, MASTERDOWN = true, NOPERM = true,
  CLUSTERDOWN = true, MOVED = true, ASK = true, CROSSSLOT = true, TRYAGAIN = true,
}
local REFUSED = {
  "The user executing the script can't", 'ACL failure in script', 'a non local key', 'a slot not served',
  'do not hash to the same slot',
}

-- What an error says, without places in our scripts and without what might be a phone.
local function read_error(raised)
  local text = type(raised) == 'table' and raised.err or tostring(raised)
  text = string.gsub(text, '@?user_script:%s*%d+:?%s*', '')
  text = string.gsub(text, '%d%d%d%d%d%d%d+', '...')
  return string.sub(text, 1, 100)
end

local function is_refusal(text)
  -- Redis 6.2 writes a dash before the word.
  if REFUSALS[string.match(text, '^%-?(%u+) ')] then return true end
  for _, words in ipairs(REFUSED) do
    if string.find(text, words, 1, true) then return true end
  end
  return false
end

-- Does what concerns one job or poll. Whatever it raises is that one's alone: `cope` is told what was
-- raised and gets it out of the way, else the same one would stop all others again and again.
local function guard(work, cope)
  local ok, a, b, c = pcall(work)
  if ok then return a, b, c end
  local text = read_error(a)
  if is_refusal(text) then error(a, 0) end
  return cope(text)
end

-- Of a job that cannot even be set aside, only its place in line is taken.
local function put_aside(class, id, why)
  local now = 'missing'
  local function set()
    local job = load(key('job', id))
    if job and (job.state == 'queued' or job.state == 'submitting') then now = set_aside(id, job, why) end
    redis.call('ZREM', key('ready', class), id)
  end
  guard(set, function()
    redis.call('ZREM', key('ready', class), id)
    schedule(id, NOW_MS + ASIDE_MAX_MS)
    now = 'waiting'
  end)
  return now
end

-- A message whose poll cannot be prepared, or whose page cannot be stored, is asked for later, with the
-- same pauses. Its field `asides` counts them until a page is stored.
local function put_poll_aside(ref)
  local id, message_key, asides = string.match(ref, '^(.*):'), key('message', ref), nil
  redis.call('ZREM', key('ready', 'poll'), ref)
  if redis.call('EXISTS', message_key) == 1 then asides = redis.pcall('HINCRBY', message_key, 'asides', 1) end
  local pause_ms = type(asides) == 'number' and aside_ms(id, asides) or ASIDE_MAX_MS
  redis.call('ZADD', key('polls'), int(NOW_MS + pause_ms), ref)
end
