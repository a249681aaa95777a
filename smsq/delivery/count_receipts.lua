-- count_receipts.lua: count receipts of which nothing was kept, by why.
-- begins no clock
-- needs measure.lua
--
-- ARGV[4]  refused  signed, but too large or too slow
-- ARGV[5]  late     signed, but the address is too old, or its job is gone
-- ARGV[6]  forged   the signature is of another job, or of nobody
local refused = tonumber(ARGV[4])
if refused > 0 then count({}, 'receipts_refused', refused) end
measure('c|refused', refused)
measure('c|late', tonumber(ARGV[5]))
measure('c|forged', tonumber(ARGV[6]))
return 1
