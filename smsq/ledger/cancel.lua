-- cancel.lua: take a job back that nobody has claimed, or that was given up.
--
-- ARGV[4]  job id
-- returns  'cancelled' | 'unknown': it may be out, and is not sent again | the state it is in | 'missing'
local id = ARGV[4]
local job = load_job(id)
if not job or not job.state then return 'missing' end
if not may_be_cancelled(job) then return job.state end
return move(id, job, 'cancelled', 'cancelled before it was sent')
