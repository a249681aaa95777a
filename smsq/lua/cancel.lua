-- cancel.lua: take a job back that nobody has claimed yet.
--
-- ARGV[4]  job id
-- returns  'cancelled' | 'unknown': an attempt before may have been accepted | the state it is in | 'missing'
local id = ARGV[4]
local job = load_job(id)
if not job or not job.state then return 'missing' end
if job.state == 'queued' or job.state == 'waiting' then
  return move(id, job, 'cancelled', 'cancelled before it was sent')
end
return job.state
