-- keep.lua: write once more after what was stored, so that a WAIT or WAITAOF on the same connection covers it.
--
-- What Redis writes to its log and tells its replicas is in order: once this write is there, all before it is.
-- After a failover the jobs may be gone; then there is nothing to wait for.
--
-- ARGV[4]  ids: JSON: of jobs and campaigns
-- returns  'ok' | 'missing': one is not there
for _, id in ipairs(cjson.decode(ARGV[4])) do
  if redis.call('EXISTS', key('job', id)) == 0 and redis.call('EXISTS', key('campaign', id)) == 0 then
    return 'missing'
  end
end
redis.call('SET', key('disk'), '1', 'PX', 3000)
return 'ok'
