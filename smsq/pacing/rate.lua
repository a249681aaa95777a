-- rate.lua: set the ceiling of the rate for every worker, from now on, and write down who did.
-- needs limit.lua
-- needs audit.lua
--
-- What was learnt about the old rate is forgotten: an operator who sets a rate knows more.
--
-- ARGV[6]  rate_per_s  '' goes back to the setting
-- ARGV[7]  by          who, as user@host
redis.call('HDEL', LIMITER, 'plateau_per_s', 'dip_us', 'span_us', 'grown_us', 'succession')
if ARGV[6] == '' then
  redis.call('HDEL', LIMITER, 'ceiling_per_s', 'ceiling_by', 'ceiling_at_ms')
else
  save_limiter('ceiling_per_s', ARGV[6], 'ceiling_by', ARGV[7], 'ceiling_at_ms', int(NOW_MS))
end
-- Slots reserved at a slow rate may lie far ahead.
local l = limiter_state()
l.used_us = 0
save_limiter('epoch', int(l.epoch + 1))
restart(l)
record_act(ARGV[7], 'rate', 'all', ARGV[6] == '' and 'default' or ARGV[6] .. '/s')
return 1
