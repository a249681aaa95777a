-- webhook_settle.lua: write down what a post came to.
--
-- ARGV[4]  delivery
-- ARGV[5]  attempts       only the newest claim may settle
-- ARGV[6]  answer         'taken', 'failed', 'too_large' (413) or 'gone' (410)
-- ARGV[7]  error          in words; '' where it was taken
-- ARGV[8]  taken          events of the delivery that are taken, should this post be; '' for all of them
-- ARGV[9]  size           events in this post
-- ARGV[10] receiver       see webhook_state.lua
-- ARGV[11] hold_ms        the receiver asked to be left alone for so long; 0: it did not
-- ARGV[12] pause_ms       to the next try, where it failed
-- ARGV[13] smaller_ms     posts are smaller for so long after one was too large
-- ARGV[14] give_up_ms     a delivery that would be older by then is given up
-- ARGV[15] dead_keep_ms, ARGV[16] most_dead: how long one that was given up is kept, and how many
-- returns  'taken' | 'more' | 'later' | 'smaller' | 'ended' | 'dead' | 'stale'
-- needs webhook_state.lua
local id, answer = ARGV[4], ARGV[6]
local k = key('delivery', id)
local delivery, state = load(k), load(key('webhook')) or {}
if not delivery or delivery.attempts ~= ARGV[5] then return 'stale' end
if not redis.call('ZSCORE', key('deliveries'), id) then return 'stale' end

-- So many posts in a row that failed are an outage of the receiver's, not a delivery that it dislikes.
local OUTAGE = 3
-- After an outage so many deliveries are due at once, and one more for each that is taken: fresh news
-- waits behind these alone. Of so many that wait, those being posted and tried again since are passed by.
local AT_ONCE, LOOKED_AT = 4, 20

local function set(...) redis.call('HSET', key('webhook'), ...) end
local function due_at(at_ms) redis.call('ZADD', key('deliveries'), int(at_ms), id) end

local function bring_forward(up_since_ms)
  local due = redis.call('ZCOUNT', key('deliveries'), '-inf', int(NOW_MS))
  if due >= AT_ONCE then return end
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', key('deliveries'), '(' .. int(NOW_MS), '+inf', 'LIMIT', 0, LOOKED_AT)) do
    local failed_at_ms = redis.call('HGET', key('delivery', other), 'failed_at_ms')
    if failed_at_ms and tonumber(failed_at_ms) <= up_since_ms and due < AT_ONCE then
      redis.call('ZADD', key('deliveries'), int(NOW_MS), other)
      due = due + 1
    end
  end
end

local function take()
  local up_since_ms = tonumber(state.up_since_ms or 0)
  if tonumber(state.failures or 0) >= OUTAGE then
    up_since_ms = NOW_MS
    set('up_since_ms', int(NOW_MS))
  end
  -- News may have been left for a while, for many were waiting.
  if tonumber(state.failures or 0) > 0 then set('failures', 0, 'look_at_ms', 0) end
  keep_state()
  if ARGV[8] == '' then
    redis.call('UNLINK', k)
    redis.call('ZREM', key('deliveries'), id)
  else
    redis.call('HSET', k, 'taken', ARGV[8], 'failures', 0)
    redis.call('HDEL', k, 'error')
    due_at(NOW_MS)
  end
  bring_forward(up_since_ms)
  return ARGV[8] == '' and 'taken' or 'more'
end

local function give_up()
  local dead, dead_keep_ms = key('dead_deliveries'), tonumber(ARGV[15])
  redis.call('ZREM', key('deliveries'), id)
  redis.call('ZADD', dead, int(NOW_MS), id)
  redis.call('PEXPIRE', k, dead_keep_ms)
  redis.call('PEXPIRE', dead, dead_keep_ms)
  count({}, 'webhooks_given_up', 1)
  redis.call('ZREMRANGEBYSCORE', dead, '-inf', int(NOW_MS - dead_keep_ms))
  for _, old in ipairs(redis.call('ZRANGE', dead, 0, -(tonumber(ARGV[16]) + 1))) do
    redis.call('ZREM', dead, old)
    redis.call('UNLINK', key('delivery', old))
  end
  return 'dead'
end

local function fail()
  local hold_ms = tonumber(ARGV[11])
  redis.call('HINCRBY', key('webhook'), 'failures', 1)
  if hold_ms > 0 then set('closed_until_ms', int(NOW_MS + hold_ms)) end
  keep_state()
  local next_at_ms = NOW_MS + math.max(hold_ms, tonumber(ARGV[12]))
  if next_at_ms - tonumber(delivery.created_at_ms) > tonumber(ARGV[14]) then return give_up() end
  redis.call('HSET', k, 'failed_at_ms', int(NOW_MS), 'failures', int(tonumber(delivery.failures or 0) + 1))
  due_at(next_at_ms)
  return 'later'
end

if answer == 'taken' then return take() end
redis.call('HSET', k, 'error', ARGV[7])
if answer == 'gone' then
  set('ended', ARGV[10], 'ended_at_ms', int(NOW_MS))
  keep_state()
  due_at(NOW_MS)
  return 'ended'
end
if answer == 'too_large' then
  local half = math.floor(tonumber(ARGV[9]) / 2)
  if half < 1 then return give_up() end
  set('most_events', int(half), 'most_until_ms', int(NOW_MS + tonumber(ARGV[13])))
  keep_state()
  due_at(NOW_MS)
  return 'smaller'
end
return fail()
