-- forget_limits.lua: forget how often a phone was sent to, and write down who had a person forgotten.
-- needs audit.lua
-- begins no clock
--
-- ARGV[4]  phone
-- ARGV[5]  by, ARGV[6] shown: what the audit trail says of the phone, ARGV[7] detail
-- returns  how many counts there were
local found, secret = 0, secret_of_index()
if secret then found = redis.call('DEL', key('sent_to', digest_of(secret .. digest_of(secret .. 'l' .. ARGV[4])))) end
record_act(ARGV[5], 'forget', ARGV[6], ARGV[7])
return found
