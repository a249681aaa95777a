-- operate.lua: do with a stuck job what an operator says, and write down who said so and why.
--
-- ARGV[4]  job id
-- ARGV[5]  what           'resend':   unknown -> queued; it may arrive twice
--                         'accepted': unknown -> accepted
--                         'failed':   unknown -> rejected
--                         'retry':    dead -> queued, with all its attempts before it
--                         'can retry': changes nothing
-- ARGV[6]  by             user@host
-- ARGV[7]  why            in the operator's words; '' for none
-- ARGV[8]  first_poll_ms, ARGV[9] horizon_ms: as in settle.lua
-- returns  {'ok', kind, priority} | {'not', the state it is in} | {'no text'} | {'missing'}
--          {'called off'}: its campaign was cancelled
local NEEDS = {resend = 'unknown', accepted = 'unknown', failed = 'unknown', retry = 'dead',
  ['can retry'] = 'dead'}

local id, what = ARGV[4], ARGV[5]
local job = load(key('job', id))
if not job then return {'missing'} end
if job.state ~= NEEDS[what] then return {'not', job.state} end
local is_sent_again = what ~= 'accepted' and what ~= 'failed'
if is_sent_again and braked(job) == 'cancelled' then return {'called off'} end
if is_sent_again and not has_texts(id, job) then return {'no text'} end
if what == 'can retry' then return {'ok', job.kind, job.priority} end

local said = 'by ' .. ARGV[6] .. (ARGV[7] ~= '' and ': ' .. ARGV[7] or '')
note(id, 'operator: ' .. what, said)
if what == 'accepted' then
  accept(id, job, ARGV[9], ARGV[8])
elseif what == 'failed' then
  job.may_be_out = nil
  redis.call('HDEL', key('job', id), 'may_be_out')
  move(id, job, 'rejected', 'settled as failed ' .. said)
  forget_texts(id, job)
else
  -- Attempts that an operator answers for do not count against the limit.
  if what == 'retry' then count_attempt(id, job, -tonumber(job.attempts)) end
  move(id, job, 'queued')
end
return {'ok', job.kind, job.priority}
