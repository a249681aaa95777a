-- limit.lua: the limiter's arithmetic. Prepended to the scripts that need it.
--
-- ARGV[4]  setting_per_s  ceiling of the rate unless `smsq rate` set another; above 0
-- ARGV[5]  burst          requests that may start at once after a quiet time; 1 or more
-- ARGV[6+] the script's own arguments
--
-- Fields of the hash `limiter`, beside the clock's (lib.lua), times in microseconds of NOW_US' clock:
--   planned_us       when the bucket is full again, reserved slots counted as used (GCRA)
--   used_us          the same, counting only requests that were really made
--   in_burst, used_burst   left of a burst after a quiet time, for each of the two
--   epoch            grows with all that makes reserved slots void: a closing, an opening, a new rate
--   looked_at_us     a worker last asked for a slot
--   claimed_us       when a job was claimed last
--   sent_us          when one was claimed whose request a worker told that it made; others learn it (clock.lua)
--   closed_until_us, why, closings in a row; is_probing 1 until one probe has passed
--   closed_by        those whose failures closed it, separated by blanks: a probe takes another
--   fresh            see endpoints.lua
--   probe_until_us   one probe is on its way, or lost, until then
--   ceiling_per_s, ceiling_by, ceiling_at_ms   set by `smsq rate`; else the callers' setting
--   plateau_per_s, dip_us, span_us, grown_us, succession   the learnt rate, see rate_now
--   period_used      requests made since the rate was lowered last
--   dips, before_dips_per_s, noise_until_us, noise_refused   for 429s that do not come from the rate, see gate.lua
--   poll_owed, urgent_streak, normal_streak    whose turn it is, see claim.lua
--   line:<priority>  the place in that line which was given last, see move.lua

local LIMITER = key('limiter')
local FOREVER_US = 9e15
-- A gateway that takes less than one request in 20 s is closed rather than slow.
local LEAST_PER_S = 0.05

local BURST = tonumber(ARGV[5])

local function limiter_state()
  local l = load(LIMITER) or {}
  l.ceiling = tonumber(l.ceiling_per_s) or tonumber(ARGV[4])
  for _, name in ipairs({'planned_us', 'used_us', 'closed_until_us', 'probe_until_us', 'epoch'}) do
    l[name] = tonumber(l[name]) or 0
  end
  return l
end

-- The rate in force. After a 429 it restarts below the plateau where the limit is thought to be,
-- rises steeply towards it, lingers there, and then, when nothing happens, goes on past it faster and
-- faster: a cubic curve whose dip is made good after `dip_us` of full use. Only use under contention
-- moves it on: an idle night proves nothing about the limit.
local function rate_now(l)
  local plateau = tonumber(l.plateau_per_s)
  if not plateau then return l.ceiling end
  local x = (tonumber(l.grown_us) - tonumber(l.dip_us)) / tonumber(l.span_us)
  return math.max(math.min(LEAST_PER_S, l.ceiling), math.min(l.ceiling, plateau * (1 + x * x * x)))
end

local function apart_us(l) return 1000000 / rate_now(l) end

-- While the real limit is below what we were told, its real burst may be, too: then two, of which
-- slot.lua keeps one unused.
local function allowed_burst(l) return l.plateau_per_s and math.min(BURST, 2) or BURST end

-- When the bucket has a request to give that is full again at `full_us`, and how many are left of a
-- burst then. After a burst, `spare` requests stay unused: they make up for requests that reach the
-- gateway closer together than they left, as the first ones of a worker do, which still have to open
-- their connections. What comes back while a burst goes out is no part of it.
local function next_from_bucket(l, full_us, left, spare)
  local apart, burst = apart_us(l), allowed_burst(l)
  local function at(unused) return math.max(NOW_US, full_us - apart * (burst - 1 - unused)) end
  -- A bucket that has only just filled up here may not be quite full there.
  left = full_us <= NOW_US - apart and burst or tonumber(left) or 0
  if not l.plateau_per_s and left > 0 and at(0) == NOW_US then return NOW_US, int(left - 1) end
  return at(spare), 0
end

-- How many stay unused of five: two, of a smaller bucket one; a bucket of one has none to spare.
local function spare_of(burst) return burst > 1 and math.max(1, math.floor(burst / 2.5)) or 0 end

-- So much may be forgotten without a word: what a crash or a failover costs.
local FORGIVEN_US = 5e6

-- Whoever made a request knows when it was claimed. A ledger that was there by then and knows of no
-- claim as late has been put back to what it was: a backup was restored, or a server without the newest
-- writes took over. What went out since would go out again, so an operator looks first. In one that
-- began later, nothing is left that could go out twice.
local SENT_US = tonumber(string.match(ARGV[2], '%^(%d+)$'))
local function heed_restore(l)
  local floor_us = SENT_US
  local claimed_us = tonumber(l.claimed_us) or tonumber(l.born_us) or 0
  if not floor_us or claimed_us >= floor_us - FORGIVEN_US or (tonumber(l.born_us) or 0) > floor_us then return end
  local since = claimed_us > 0 and ' ' .. math.floor((floor_us - claimed_us) / 1e6) .. ' s' or ''
  l.closed_until_us, l.epoch, l.fresh = FOREVER_US, l.epoch + 1, nil
  l.why = 'the ledger is' .. since .. ' older than what was sent, as after a restore: jobs would go out again'
  redis.call('HDEL', LIMITER, 'fresh')
  redis.call('HSET', LIMITER, 'closed_until_us', int(FOREVER_US), 'why', l.why, 'epoch', int(l.epoch),
    'claimed_us', int(floor_us))
end

local function save_limiter(...) redis.call('HSET', LIMITER, ...) end

local function is_closed(l) return l.closed_until_us > NOW_US or l.is_probing == '1' end

-- Start anew with an allowance that is used up: what piled up while the gate was closed, or at
-- another rate, must not come out as one burst.
local function restart(l)
  local used_up_us = string.format('%.1f', math.max(l.used_us, NOW_US + apart_us(l) * (allowed_burst(l) - 1)))
  save_limiter('planned_us', used_up_us, 'used_us', used_up_us, 'in_burst', 0, 'used_burst', 0)
end

-- Whatever closed the gate of all does so no more.
local function forget_closing()
  redis.call('HDEL', LIMITER, 'closed_until_us', 'why', 'closings', 'probe_until_us', 'closed_by', 'fresh')
end
