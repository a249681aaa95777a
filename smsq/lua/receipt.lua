-- receipt.lua: keep an authentic receipt and the message ids it taught.
--
-- A receipt proves that the gateway has the job, so the job is accepted, even one that had ended. It never
-- moves a job that is still being submitted: the send's own answer will, and finds the ids already there.
--
-- ARGV[4]  job id
-- ARGV[5]  body            as posted, cut to a bound
-- ARGV[6]  max_receipts    most bodies kept for a job
-- ARGV[7]  ids             JSON: {"message number from 1": "message id"}
-- ARGV[8]  unmatched       how many ids in it belong to no message of ours
-- ARGV[9]  horizon_ms      polling gives up after this long
-- ARGV[10] first_poll_ms   the first poll comes after this long
-- returns  'ok' | 'missing'
local id = ARGV[4]
local job = load(key('job', id))
if not job then return 'missing' end

redis.call('RPUSH', key('receipts', id), ARGV[5])
redis.call('LTRIM', key('receipts', id), -tonumber(ARGV[6]), -1)
count({}, 'receipts', 1)
note(id, 'receipt', ARGV[7])
local ids = cjson.decode(ARGV[7])
local learnt = 0
for n, message_id in pairs(ids) do
  if tonumber(n) >= 1 and tonumber(n) <= tonumber(job.messages) then
    learn_id(id, job, n, message_id, tonumber(ARGV[10]))
    learnt = learnt + 1
  end
end
if learnt == 0 then count({}, 'receipts_unmatched', 1) end
count({}, 'receipt_ids_unmatched', tonumber(ARGV[8]))

-- An id proves that the gateway took a request, whatever became of the job since.
if tonumber(ARGV[8]) + learnt > 0 and tonumber(job.claims) > 0 then
  prove(id, job, ARGV[9], ARGV[10])
end
return 'ok'
