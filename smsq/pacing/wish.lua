-- wish.lua: close the gate or open it for every worker at once, as an operator says.
-- needs limit.lua
-- needs endpoints.lua
-- needs audit.lua
--
-- ARGV[6]  what       'pause': until 'resume'; 'resume': whatever closed it
-- ARGV[7]  why        pause: shown to operators
-- ARGV[8]  by         who, as user@host; '' is not written down
local what, l = ARGV[6], limiter_state()

-- Of an endpoint, the probe that has to go first may go at once.
local function let_probe_go(kind)
  if not l['closed_until_us_' .. kind] then return end
  local left = {'why_', 'closings_', 'closed_by_', 'probe_until_us_', 'prober_', 'fresh_'}
  for _, name in ipairs(left) do redis.call('HDEL', LIMITER, name .. kind) end
  save_limiter('closed_until_us_' .. kind, 0)
end

if what == 'pause' then
  redis.call('HDEL', LIMITER, 'fresh')
  save_limiter('closed_until_us', int(FOREVER_US), 'why', ARGV[7], 'epoch', int(l.epoch + 1))
else
  -- After a 429 or a wrong token, one probe still goes first.
  forget_closing()
  for _, kind in ipairs(KINDS) do let_probe_go(kind) end
  save_limiter('epoch', int(l.epoch + 1))
end
if ARGV[8] ~= '' then record_act(ARGV[8], what, 'all', '') end
return 1
