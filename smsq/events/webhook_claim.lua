-- webhook_claim.lua: take the right to post one delivery.
--
-- ARGV[4]  lease_ms   it is due again after this long, should nobody settle it
-- returns  {id, attempts, entries} | {}
-- Deliveries whose news was kept for too long are gone: so many leave the line in one call.
local MOST_GONE = 200
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('deliveries'), '-inf', int(NOW_MS), 'LIMIT', 0, MOST_GONE)) do
  local entries = redis.call('HGET', key('delivery', id), 'entries')
  if entries then
    redis.call('ZADD', key('deliveries'), int(NOW_MS + tonumber(ARGV[4])), id)
    return {id, redis.call('HINCRBY', key('delivery', id), 'attempts', 1), entries}
  end
  redis.call('ZREM', key('deliveries'), id)
end
return {}
