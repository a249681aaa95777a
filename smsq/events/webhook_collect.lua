-- webhook_collect.lua: take the next news out of the stream, as one delivery to the webhook.
--
-- News is copied and passed by in the same call, so no two processes take the same and none is lost
-- between them. While the receiver fails and many deliveries wait, news is taken less often and in
-- larger pieces; while too many wait, it is left in the stream, where age bounds it.
--
-- ARGV[4]  most_changes   in one delivery; a single entry may have more
-- ARGV[5]  pause_ms       to the next look, where this one took all there was
-- ARGV[6]  many, ARGV[7] many_pause_ms: so many wait for a receiver that fails: look after this long
-- ARGV[8]  most           deliveries that wait
-- ARGV[9]  keep_ms        how long a delivery is kept
-- ARGV[10] receiver       see webhook_state.lua
-- ARGV[11] start          where a webhook that is new begins: 'now' or 'oldest'
-- returns  changes taken
-- needs webhook_state.lua
keep_state()
local state = load(key('webhook')) or {}
local waiting = redis.call('ZCARD', key('deliveries'))
if has_ended(state, ARGV[10]) then return 0 end
if waiting >= tonumber(ARGV[8]) or tonumber(state.look_at_ms or 0) > NOW_MS then return 0 end

local function begin()
  if ARGV[11] == 'oldest' then return '0-0' end
  local newest = redis.call('XREVRANGE', key('events'), '+', '-', 'COUNT', 1)[1]
  return newest and newest[1] or '0-0'
end

local most, changes, taken = tonumber(ARGV[4]), 0, {}
local is_full = false
local last_id = state.last_id or begin()
-- A few at a time: entries may be large, and most of a thousand would be read in vain.
local FEW = 20
repeat
  local entries = redis.call('XRANGE', key('events'), '(' .. last_id, '+', 'COUNT', FEW)
  for _, entry in ipairs(entries) do
    local fields = to_hash(entry[2])
    local more = tonumber(fields.changes) or 1
    is_full = #taken > 0 and changes + more > most
    if is_full then break end
    changes, last_id = changes + more, entry[1]
    table.insert(taken, {entry[1], fields})
  end
until is_full or #entries < FEW or #taken >= most

local is_slow = tonumber(state.failures or 0) > 0 and waiting >= tonumber(ARGV[6])
local pause_ms = is_slow and ARGV[7] or ARGV[5]
redis.call('HSET', key('webhook'), 'last_id', last_id, 'look_at_ms', int(NOW_MS + ((is_full or changes >= most) and 0 or pause_ms)))
keep_state()
if #taken == 0 then return 0 end
local id = taken[1][1]
redis.call('HSET', key('delivery', id), 'entries', cjson.encode(taken), 'changes', changes, 'attempts', 0, 'failures', 0,
  'created_at_ms', int(NOW_MS))
redis.call('PEXPIRE', key('delivery', id), ARGV[9])
redis.call('ZADD', key('deliveries'), int(NOW_MS), id)
redis.call('PEXPIRE', key('deliveries'), ARGV[9])
return changes
