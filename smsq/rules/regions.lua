-- regions.lua: write down the regions of a job's recipients, as claim.lua asked for, some at a time.
--
-- ARGV[4]  job id
-- ARGV[5]  regions   most recipients first, divided by ;  '' while places follow
-- ARGV[6]  places    JSON: [phone, place, ...] for the phones of all regions but the first
local id = ARGV[4]
if redis.call('HEXISTS', key('job', id), 'state') == 0 then return end
local places = cjson.decode(ARGV[6])
if #places > 0 then hset_all(key('regions', id), places) end
if ARGV[5] ~= '' then redis.call('HSET', key('job', id), 'regions', ARGV[5]) end
