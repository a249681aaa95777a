-- record_act.lua: write down an act that no script of its own does, as reading phones in full.
-- begins no clock
-- needs audit.lua
--
-- ARGV[4]  by
-- ARGV[5]  act
-- ARGV[6]  target
-- ARGV[7]  detail
record_act(ARGV[4], ARGV[5], ARGV[6], ARGV[7])
return 1
