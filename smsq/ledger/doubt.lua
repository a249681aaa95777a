-- doubt.lua: what may be out, and what that decides. Every script begins with it, before move.lua.
--
-- Doubt stands with the claim that brought it. Fields of a job's hash:
--   may_be_out   numbers of the claims whose request may have been accepted, though no answer said so: it
--                was lost, or the lease ended; divided by ;. Older ledgers have a 1, a claim that nobody
--                can name. A claim's own answer takes its number away, however late, or an operator.
--   is_proven    the gateway has it: a receipt, an id or an acceptance said so
--   accepted_claim  gathered jobs: the oldest claim that the gateway said it accepted
--   claimed_before  gathered jobs: the claim before the newest, 0 for none
--   answers      the last ones that claims gave and that were no acceptance: claim,state or claim,lost; divided by ;
--   ends_as      unknown jobs: how the job ends should no doubt be left: state|error

local function doubts_of(job) return split(job.may_be_out or '', ';') end

local function keep_doubts(id, job, doubts)
  job.may_be_out = #doubts > 0 and table.concat(doubts, ';') or nil
  if job.may_be_out then
    redis.call('HSET', key('job', id), 'may_be_out', job.may_be_out)
  else
    redis.call('HDEL', key('job', id), 'may_be_out')
  end
end

local function is_doubted(job, claim)
  for _, doubt in ipairs(doubts_of(job)) do
    if doubt == claim then return true end
  end
  return false
end

local function doubt(id, job, claim)
  if is_doubted(job, claim) then return end
  local doubts = doubts_of(job)
  table.insert(doubts, claim)
  keep_doubts(id, job, doubts)
end

-- A claim came to nothing for certain; returns whether it was in doubt.
local function take_doubt_back(id, job, claim)
  if not is_doubted(job, claim) then return false end
  local left = {}
  for _, other in ipairs(doubts_of(job)) do
    if other ~= claim then table.insert(left, other) end
  end
  keep_doubts(id, job, left)
  return true
end

-- The last answer that a claim gave: claim,state.
local function told_last(job)
  local told = split(job.answers or '', ';')
  return told[#told]
end

-- What is known of what was in every request up to a claim, and in none after it: 'out', 'unsent', or
-- 'open'. A receipt does not name its claim. It proves one that is in doubt, where there is any: else an
-- answer was wrong, and nobody knows whose.
local function fate_of(job, claim)
  claim = tonumber(claim)
  if claim == 0 then return 'unsent' end
  local accepted, older, newer = tonumber(job.accepted_claim), false, false
  if accepted and accepted <= claim then return 'out' end
  for _, doubted in ipairs(doubts_of(job)) do
    if tonumber(doubted) <= claim then older = true else newer = true end
  end
  if job.is_proven and not accepted then
    if not older and not newer then
      return tonumber(job.claims) <= claim and 'out' or 'open'
    end
    newer = newer or (job.state == 'submitting' and tonumber(job.claims) > claim)
    if older and not newer then return 'out' end
  end
  return older and 'open' or 'unsent'
end

-- The one judgement on every state that is wanted for a job. What is proven is accepted, whatever was
-- wanted. What may be out does not end: nobody may be told that it was not sent. It is sent again only
-- where its caller or an operator said so, and then nobody is asked any more.
local function weigh(job, wanted)
  if wanted == 'accepted' or job.state == 'accepted' or job.state == 'done' then return wanted end
  if job.is_proven then return 'accepted' end
  if job.may_be_out and FINAL[wanted] then return 'unknown' end
  return wanted
end

-- A job that could be sent, be it that an operator said so. One of which it is not known what is in
-- doubt is left alone: doubt was not always kept.
local MAY_BE_SENT = {queued = true, waiting = true, dead = true}
local function may_be_cancelled(job)
  return MAY_BE_SENT[job.state] or (job.state == 'unknown' and job.may_be_out ~= nil)
end

local DOUBT = 'but an attempt before that may have been accepted'
-- Keeps how a job would have ended; returns what its error says of it.
local function put_off_end(id, job, wanted, error, detail)
  if wanted == 'done' then error = detail end
  job.ends_as = wanted .. '|' .. (error or '')
  redis.call('HSET', key('job', id), 'ends_as', job.ends_as)
  if wanted == 'cancelled' or wanted == 'expired' or (error or '') == '' then return wanted .. ', ' .. DOUBT end
  return (wanted == 'done' and '' or wanted .. ': ') .. error .. ', ' .. DOUBT
end
