-- reschedule.lua: send a quick job that nobody has claimed yet at another time.
-- needs audit.lua
--
-- ARGV[4]  job id
-- ARGV[5]  due_in_ms
-- ARGV[6]  by         who, as user@host
-- ARGV[7]  send_at    the time in words
-- returns  'ok' | 'past' | 'expires': it would have expired by then | 'kind': it is no quick job |
--          the state that makes it too late | 'missing'
local id, due_at_ms = ARGV[4], NOW_MS + tonumber(ARGV[5])
local job = load(key('job', id))
if not job or not job.state then return 'missing' end
if job.kind ~= 'quick' then return 'kind' end
if job.state ~= 'queued' and job.state ~= 'waiting' then return job.state end
if due_at_ms <= NOW_MS then return 'past' end
if job.expires_at_ms and tonumber(job.expires_at_ms) <= due_at_ms then return 'expires' end
if job.state == 'queued' then
  move(id, job, 'waiting', nil, 'rescheduled')
else
  note(id, 'waiting', 'rescheduled')
end
lose_place(id, job)
redis.call('HSET', key('job', id), 'due_at_ms', int(due_at_ms))
schedule_in_turn(id, due_at_ms)
record_act(ARGV[6], 'reschedule', id, ARGV[7])
return 'ok'
