-- set_aside.lua: take out of the line what a worker could not prepare for its request.
-- needs unprepared.lua
--
-- ARGV[4]  id       a job, or a message to poll as <job id>:<n>
-- ARGV[5]  claim    number of the claim that came to nothing; '' where there was none yet
-- ARGV[6]  why      kept as the job's error
-- returns  the state that the job is in now | 'missing' | 'stale': another claim has taken over
local id = ARGV[4]
if string.find(id, ':', 1, true) then
  put_poll_aside(id)
  return 'waiting'
end
local job = load(key('job', id))
if not job then return 'missing' end
local is_ours = job.state == 'queued' and ARGV[5] == '' or job.state == 'submitting' and job.claims == ARGV[5]
if not is_ours then return 'stale' end
return put_aside(job.priority, id, ARGV[6])
