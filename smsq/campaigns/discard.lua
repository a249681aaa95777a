-- discard.lua: give a draft up.
-- begins no clock
--
-- ARGV[4]  campaign id
-- ARGV[5]  draft's name
-- ARGV[6]  jobs that the draft must have: another producer may be at work on it
local jobs = redis.call('HGET', key('draft', ARGV[5]), 'jobs')
if jobs and tonumber(jobs) == tonumber(ARGV[6]) then forget_draft(ARGV[4], ARGV[5]) end
return 'ok'
