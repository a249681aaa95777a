-- cancel.lua: take a job back that nobody has claimed yet.
--
-- ARGV[4]  job id
-- returns  'cancelled' | the state it is in | 'missing'
local id = ARGV[4]
local job = load_job(id)
if not job or not job.state then return 'missing' end
if job.state == 'queued' or job.state == 'waiting' then
  move(id, job, 'cancelled', 'cancelled before it was sent')
  forget_texts(id, job)
end
return job.state
