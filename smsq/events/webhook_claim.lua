-- webhook_claim.lua: take the right to post one delivery, or the part of it that was not taken yet.
--
-- ARGV[4]  lease_ms   it is due again after this long, should nobody settle it
-- ARGV[5]  receiver   see webhook_state.lua
-- returns  {id, attempts, entries, events taken before, most events in one post (0: all), failures} | {}
-- needs webhook_state.lua
local state = load(key('webhook')) or {}
if has_ended(state, ARGV[5]) or tonumber(state.closed_until_ms or 0) > NOW_MS then return {} end
local most = tonumber(state.most_until_ms or 0) > NOW_MS and tonumber(state.most_events) or 0

-- Deliveries whose news was kept for too long are gone: so many leave the line in one call.
local MOST_GONE = 200
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('deliveries'), '-inf', int(NOW_MS), 'LIMIT', 0, MOST_GONE)) do
  local k = key('delivery', id)
  local delivery = redis.call('HMGET', k, 'entries', 'taken', 'failures', 'attempts')
  if delivery[1] then
    redis.call('ZADD', key('deliveries'), int(NOW_MS + tonumber(ARGV[4])), id)
    -- Without it nobody brings this one forward while it is being posted.
    redis.call('HDEL', k, 'failed_at_ms')
    local attempts = redis.call('HINCRBY', k, 'attempts', 1)
    return {id, attempts, delivery[1], tonumber(delivery[2] or 0), most, tonumber(delivery[3] or attempts - 1)}
  end
  redis.call('ZREM', key('deliveries'), id)
end
return {}
