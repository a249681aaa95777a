-- receipt.lua: keep an authentic receipt and the message ids it taught.
-- needs measure.lua
--
-- A receipt proves that the gateway has the job, so the job is accepted, even one that had ended. It never
-- moves a job that is still being submitted: the send's own answer will, and finds the ids already there.
--
-- ARGV[4]  job id
-- ARGV[5]  body            as posted, cut to a bound
-- ARGV[6]  max_receipts    most bodies kept for a job; 0: these ids are the rest of one that is kept
-- ARGV[7]  ids             JSON: {"message number from 1": "message id"}, some hundreds at most
-- ARGV[8]  unmatched       how many ids in it belong to no message of ours
-- ARGV[9]  horizon_ms      polling gives up after this long
-- ARGV[10] first_poll_ms   the first poll comes after this long
-- returns  'ok' | 'missing'
--
-- Between the look at what is known and this call another receipt may have taught the same message its id:
-- that one stays.
local id = ARGV[4]
local job = load(key('job', id))
if not job then return 'missing' end

local ids = cjson.decode(ARGV[7])
for n, message_id in pairs(ids) do
  local known = redis.call('HGET', key('message', id, n), 'message_id')
  if known and known ~= message_id then ids[n] = nil end
end
local learnt = learn_ids(id, job, ids, tonumber(ARGV[10]))
if ARGV[6] ~= '0' then
  -- What comes again is kept once.
  redis.call('LREM', key('receipts', id), 0, ARGV[5])
  redis.call('RPUSH', key('receipts', id), ARGV[5])
  redis.call('LTRIM', key('receipts', id), -tonumber(ARGV[6]), -1)
  count({}, 'receipts', 1)
  if learnt == 0 then count({}, 'receipts_unmatched', 1) end
  measure('c|' .. (learnt == 0 and 'unmatched' or 'learnt'), 1)
  count({}, 'receipt_ids_unmatched', tonumber(ARGV[8]))
end
note(id, 'receipt', cut_detail(ARGV[7]))

-- An id proves that the gateway took a request, whatever became of the job since.
if tonumber(ARGV[8]) + learnt > 0 and tonumber(job.claims) > 0 then
  prove(id, job, ARGV[9], ARGV[10])
end
return 'ok'
