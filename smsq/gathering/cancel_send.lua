-- cancel_send.lua: take one send out of a gathered job that nobody has claimed yet.
-- needs audit.lua
--
-- ARGV[4]  job id
-- ARGV[5]  ordinal
-- ARGV[6]  tag             of its own id; '' where it has none
-- ARGV[7]  by  who, as user@host; '' is not written down
-- returns  'cancelled' | 'unknown': it may be out, and is not sent again
--          'expired': it is out of its job already | 'done': it is withheld
--          the state that its job is in | 'missing'
local id, ordinal = ARGV[4], tonumber(ARGV[5])
local job = load(key('job', id))
local send = job and read_send(id, ordinal)
if not send or send.tag ~= ARGV[6] then return 'missing' end
if send.left ~= '' then return send.left end
if not may_be_cancelled(job) then return job.state end
local now = leave(id, job, ordinal, 'cancelled')
if now ~= 'done' and count_left(id, job) == 0 then
  move(id, job, 'cancelled', 'cancelled before it was sent')
end
if ARGV[7] ~= '' then record_act(ARGV[7], 'cancel', id .. '.' .. name_send(ordinal, send.tag), now) end
return now
