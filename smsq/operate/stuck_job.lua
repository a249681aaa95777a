-- stuck_job.lua: do with a stuck job what an operator says, and write down who said so and why.
-- needs audit.lua
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
--          {'proven'}: the gateway has it; {'may be out'}: only 'resend' sends it again
--          {'ended', 'cancelled' or 'expired'}: nothing of it is to be sent any more
local NEEDS = {resend = 'unknown', accepted = 'unknown', failed = 'unknown', retry = 'dead',
  ['can retry'] = 'dead'}

local id, what = ARGV[4], ARGV[5]
local job = load_job(id)
if not job or not job.state then return {'missing'} end

-- What stands against sending it again, if anything.
local function find_hindrance()
  if job.is_proven then return {'proven'} end
  if what ~= 'resend' and job.may_be_out then return {'may be out'} end
  if braked(job) == 'cancelled' then return {'called off'} end
  local ends_as = string.match(job.ends_as or '', '^%a+')
  if ends_as == 'cancelled' or ends_as == 'expired' then return {'ended', ends_as} end
  if job.is_gathered and count_left(id, job) == 0 then return {'ended', 'cancelled'} end
  if not has_texts(id, job) then return {'no text'} end
end

-- Dead jobs in doubt are from before there was an end of doubt for them.
local is_stuck = job.state == NEEDS[what] or (what == 'resend' and job.state == 'dead' and job.may_be_out)
if not is_stuck then return {'not', job.state} end
local is_sent_again = what ~= 'accepted' and what ~= 'failed'
local hindrance = is_sent_again and find_hindrance()
if hindrance then return hindrance end
if what == 'can retry' then return {'ok', job.kind, job.priority} end

local why = ARGV[7] ~= '' and ': ' .. ARGV[7] or ''
record_act(ARGV[6], is_sent_again and what or 'settle', id, is_sent_again and ARGV[7] or what .. why)
local said = 'by ' .. ARGV[6] .. why
note(id, 'operator: ' .. what, said)
if what == 'accepted' then
  prove(id, job, ARGV[9], ARGV[8])
elseif what == 'failed' then
  keep_doubts(id, job, {})
  if job.is_gathered then add_chore(id, job, 'judge') end
  move(id, job, 'rejected', 'settled as failed ' .. said)
else
  -- Attempts that an operator answers for do not count against the limit.
  if what == 'retry' then count_attempt(id, job, -tonumber(job.attempts)) end
  move(id, job, 'queued')
end
return {'ok', job.kind, job.priority}
