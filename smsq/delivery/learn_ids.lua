-- learn_ids.lua: give messages the ids that a kept receipt, a lookup or an operator knows.
-- needs paging.lua
-- needs audit.lua
--
-- ARGV[4]  job id
-- ARGV[5]  ids           JSON: {"message number from 1": "message id"}, some hundreds at most
-- ARGV[6]  what          for the timeline; 'operator: attach' for an operator
-- ARGV[7]  detail        for the timeline, after the ids
-- ARGV[8]  is_forced     1 replaces an id that is there
-- ARGV[9]  horizon_ms, ARGV[10] first_poll_ms: as in settle.lua
-- ARGV[11] by            an operator, as user@host; '' for everybody else. ARGV[12] what is written down
--                        of it in the audit trail
-- returns  {'ok', number of ids learnt} | {'not', the state it is in} | {'known', its id} | {'missing'}
local id, what = ARGV[4], ARGV[6]
local job = load_job(id)
if not job or not job.state then return {'missing'} end
-- A job that no request was made for has no ids. An operator waits for the answer that is on its way, and
-- is more likely to have mistaken the job than the gateway to have taken what it said it refused.
local is_refused = job.state == 'rejected' and told_last(job) == job.claims .. ',rejected'
local is_slip = what == 'operator: attach' and (job.state == 'submitting' or is_refused)
if is_slip or tonumber(job.claims) == 0 then return {'not', job.state} end

local ids, new = cjson.decode(ARGV[5]), {}
for n, message_id in pairs(ids) do
  local known = redis.call('HGET', key('message', id, n), 'message_id')
  if known and known ~= message_id and ARGV[8] ~= '1' then return {'known', known} end
  if known ~= message_id then new[n] = message_id end
end
if not next(new) then return {'ok', 0} end

if ARGV[11] ~= '' then record_act(ARGV[11], 'attach', id, ARGV[12]) end
note(id, what, cut_detail(ARGV[5]) .. (ARGV[7] ~= '' and ' ' .. ARGV[7] or ''))
for n in pairs(new) do
  redis.call('HDEL', key('message', id, n), 'poll_offset')
  forget_pages(key('message', id, n))
end
local learnt = learn_ids(id, job, new, 0)
prove(id, job, ARGV[9], ARGV[10])
return {'ok', learnt}
