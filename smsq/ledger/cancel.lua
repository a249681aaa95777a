-- cancel.lua: take a job back that nobody has claimed, or that was given up.
-- needs audit.lua
--
-- ARGV[4]  job id
-- ARGV[5]  by  who, as user@host; '' is not written down
-- returns  'cancelled' | 'unknown': it may be out, and is not sent again | the state it is in | 'missing'
local id = ARGV[4]
local job = load_job(id)
if not job or not job.state then return 'missing' end
if not may_be_cancelled(job) then return job.state end
local now = move(id, job, 'cancelled', 'cancelled before it was sent')
if ARGV[5] ~= '' then record_act(ARGV[5], 'cancel', id, now) end
return now
