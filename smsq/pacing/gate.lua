-- gate.lua: close the gate for every worker at once, or open it.
-- needs limit.lua
-- needs recent_failures.lua
-- needs endpoints.lua
--
-- ARGV[6]  what       'failed': a request did; close, if it is the account's fault
--                     'passed': one was answered as it should be: a probe opens for everyone
--                     'unused': no request was made
-- ARGV[7]  epoch      of the slot that was used. ARGV[8] 1: it was the probe
-- ARGV[9]  pause_us   from now; '' for one that doubles with each closing in a row
-- ARGV[10] why        shown to operators
-- ARGV[11] first_us, ARGV[12] max_us, ARGV[13] dice 0..1: that growing pause, with jitter
-- ARGV[14] kind       of the request: quick, bulk, poll; '' when it was counted already, or for all
-- 'failed' alone, see smsq/domain/account.py:
-- ARGV[15] class      busy, misconfigured, ...
-- ARGV[16] who        the job, or the message as <job id>:<n>; '' for nobody in particular
-- ARGV[17] different, ARGV[18] least: so many of them close
-- ARGV[19] is_of_rate 1: it closes the gate of all, and the rate goes down; else that of its endpoint
-- returns  {whose fault: 'all', 'alone', 'own'; times, own: see remember; 1 when something changed,
--           pause_us, rate_per_s in force}
local what, is_probe, l = ARGV[6], ARGV[8] == '1', limiter_state()
local is_of_epoch = ARGV[7] == int(l.epoch)

-- Its endpoint is as unknown as before: another may be the probe.
local function free_prober(kind, who)
  if l['prober_' .. kind] ~= who then return end
  redis.call('HDEL', LIMITER, 'prober_' .. kind, 'probe_until_us_' .. kind)
end

if what == 'passed' then
  if ARGV[14] ~= '' then note_pass(ARGV[14]) end
  if not is_of_epoch or not is_probe or l.is_probing ~= '1' then return {'all', 0, 0, 0} end
  forget_closing()
  redis.call('HDEL', LIMITER, 'is_probing')
  restart(l)
  return {'all', 0, 0, 1}
end
if what == 'unused' then
  local kind = ARGV[14]
  if is_of_epoch and is_probe then redis.call('HDEL', LIMITER, 'probe_until_us') end
  if kind ~= '' then free_prober(kind, ARGV[16]) end
  return {'all', 0, 0, 0}
end

-- A single 429 may be a hiccup or a rate that is a little too high; a second one in quick succession
-- says that it is too high, a third that it is far off. `to` and `plateau` are parts of the rate that
-- was too high; the way back from the one to the other takes the span, or so many requests where they
-- are rare.
local STEPS = {
  {to = 0.95, plateau = 0.99, span_us = 20e6, span_requests = 300},
  {to = 0.9, plateau = 0.97, span_us = 20e6, span_requests = 300},
  {to = 0.5, plateau = 0.8, span_us = 8e6, span_requests = 60},
}
-- So early on the way back, it is quick succession.
local EARLY_US, EARLY_REQUESTS = 1.5e6, 10

-- So many requests without a 429 are calm. So many dips without a calm have gone below a hundredth of
-- the rate: then 429s do not come from the rate, and slowing down does not help. For a while they
-- only close the gate, for a part of the usual pause. Whoever was noisy lately is known by fewer, and
-- whoever then refuses more than a third is not noisy.
local CALM_REQUESTS, MOST_DIPS, NOISE_US = 40, 12, 60e6
local KNOWN_DIPS, KNOWN_US, NOISE_PAUSE, NOISE_SHARE = 4, 600e6, 0.25, 1 / 3

local noise_until_us = tonumber(l.noise_until_us) or 0
local class, who = ARGV[15], ARGV[16]

local function set_way_back(plateau_per_s, dip, span_us, succession)
  save_limiter('plateau_per_s', string.format('%.6f', plateau_per_s), 'dip_us', int(span_us * dip ^ (1 / 3)),
    'span_us', int(span_us), 'grown_us', 0, 'succession', succession, 'period_used', 0)
end

-- A refusal on its way while the gate closed counts, too: here it is the share that matters.
local function note_noise()
  if class ~= 'busy' or noise_until_us <= NOW_US then return end
  l.noise_refused = redis.call('HINCRBY', LIMITER, 'noise_refused', 1)
end

local function is_still_noise()
  if noise_until_us <= NOW_US then return false end
  local refused = l.noise_refused
  if refused < MOST_DIPS or refused <= NOISE_SHARE * (tonumber(l.period_used) or 0) then return true end
  redis.call('HDEL', LIMITER, 'noise_until_us')
  noise_until_us = 0
  return false
end

local function lower_rate()
  local rate = rate_now(l)
  if is_still_noise() then return end
  local is_calm = not l.dips or (tonumber(l.period_used) or 0) >= CALM_REQUESTS
  local dips = is_calm and 1 or tonumber(l.dips) + 1
  if is_calm then l.before_dips_per_s = rate end
  save_limiter('dips', dips, 'before_dips_per_s', l.before_dips_per_s)
  if dips > (noise_until_us + KNOWN_US > NOW_US and KNOWN_DIPS or MOST_DIPS) then
    redis.call('HDEL', LIMITER, 'dips', 'noise_refused')
    save_limiter('noise_until_us', int(NOW_US + NOISE_US))
    return set_way_back(tonumber(l.before_dips_per_s) / 2, 0, STEPS[1].span_us, 1)
  end
  local early_us = math.max(EARLY_US, EARLY_REQUESTS * apart_us(l))
  local is_early = l.plateau_per_s and tonumber(l.grown_us) < early_us
  local succession = is_early and math.min((tonumber(l.succession) or 1) + 1, #STEPS) or 1
  local step = STEPS[succession]
  local span_us = math.max(step.span_us, step.span_requests * apart_us(l))
  set_way_back(step.plateau * rate, 1 - step.to / step.plateau, span_us, succession)
end

-- A failure closes the gate of its endpoint; that of all, where it says that the rate was too high.
local kind = ARGV[14]
local is_of_rate = ARGV[19] == '1' or kind == ''
local function of_gate(name) return is_of_rate and name or name .. '_' .. kind end

local is_own, times, own, is_fresh = remember(class, who, kind)
local pause_us, is_old_news = tonumber(ARGV[9]), nil
if is_of_rate then
  if kind ~= '' then free_prober(kind, who) end
  is_old_news = not is_of_epoch or not (is_probe or l.closed_until_us <= NOW_US)
else
  local is_closed_already = l['closed_until_us_' .. kind] ~= nil
  local is_prober = is_closed_already and l['prober_' .. kind] == who
  is_old_news = is_closed_already and not is_prober
  is_probe = is_of_epoch and is_probe or is_prober
end
-- The place of the probe for all is free for another, whatever else its failure says.
local function free_probe()
  if ARGV[8] ~= '1' or not is_of_epoch then return end
  redis.call('HDEL', LIMITER, 'probe_until_us')
end

-- From when on one may be the probe that never failed. Who failed before proves nothing more by failing
-- again; one more that had not failed does, in its own class and in those that are less urgent.
local FRESH_SOON_US = 1e6
local function save_fresh(change)
  local fresh, rows = read_fresh(l[of_gate('fresh')]), {}
  for _, name in ipairs(CLASSES) do
    local failed, from_us = change(name, fresh[name])
    table.insert(rows, name .. ':' .. int(failed) .. ':' .. int(from_us))
  end
  save_limiter(of_gate('fresh'), table.concat(rows, ' '))
end

if is_old_news then
  -- Requests that were on their way when the gate closed bring the same news again.
  note_noise()
  if not is_of_rate then free_probe() return {'all', times, own, 0} end
  if not is_closed(l) then return {is_own and 'own' or 'alone', times, own, 0} end
  -- What does not close the gate does not keep it closed.
  local closes_alone = ARGV[17] == '1' and kind ~= 'poll' and not is_own
  if pause_us then pause_us = math.min(pause_us, tonumber(ARGV[12])) end
  if not (pause_us and closes_alone) or NOW_US + pause_us <= l.closed_until_us then
    return {'all', times, own, 0}
  end
  save_limiter('closed_until_us', int(NOW_US + pause_us))
  save_fresh(function(_, level)
    return level and level.failed or 0, math.max(level and level.from_us or 0, NOW_US + pause_us)
  end)
  return {'all', times, own, 1}
end

-- Three in a row that are known to fail may be chance; but they are different, and nobody passes.
local function is_of_all(entries)
  local different, least = tonumber(ARGV[17]), tonumber(ARGV[18])
  local alike, all = count_different(entries, class)
  if is_own then return all >= KEEPS_STREAK end
  return is_probe or alike >= different or (#entries >= KEEPS_STREAK and all >= least)
end

-- The next probe asks for somebody else.
local MOST_SUSPECTS = 20
local function suspect(name, entries)
  local names = split(l[name] or '', ' ')
  for _, entry in ipairs(entries) do table.insert(names, string.match(entry, '^.-/(.+)$')) end
  while #names > MOST_SUSPECTS do table.remove(names, 1) end
  if #names > 0 then save_limiter(name, table.concat(names, ' ')) end
end

local entries = read_streak(kind)
table.insert(entries, class .. '/' .. who)
while #entries > KEEPS_STREAK do table.remove(entries, 1) end
if ARGV[8] == '1' then suspect('closed_by', {class .. '/' .. who}) end
free_probe()
if not is_of_all(entries) then
  save_streak(kind, entries)
  if is_probe and not is_of_rate then
    suspect(of_gate('closed_by'), {class .. '/' .. who})
    redis.call('HDEL', LIMITER, of_gate('probe_until_us'), of_gate('prober'))
  end
  return {is_own and 'own' or 'alone', times, own, 0}
end

note_noise()
if is_of_rate and ARGV[19] == '1' and not is_probe then lower_rate() end
suspect(of_gate('closed_by'), entries)
save_streak(kind, {})
local closings = redis.call('HINCRBY', LIMITER, of_gate('closings'), 1)
-- One request speaks for itself: a longer pause has to be asked of a probe, too, which is another's.
local speaks_for_itself = class == 'temporary' or kind == 'poll' or not is_probe
if pause_us and speaks_for_itself then pause_us = math.min(pause_us, tonumber(ARGV[12])) end
local asked_us = pause_us
-- How long its limit lasts, a gateway knows; when it works again, it guesses.
local function pause_after(failed)
  if asked_us and class ~= 'temporary' then return asked_us end
  local longest_us = math.min(tonumber(ARGV[11]) * 2 ^ math.min(failed - 1, 64), tonumber(ARGV[12]))
  if class == 'busy' and noise_until_us > NOW_US then longest_us = longest_us * NOISE_PAUSE end
  return math.max(asked_us or 0, longest_us * (0.5 + 0.5 * tonumber(ARGV[13])))
end
pause_us = pause_after(closings)

-- The first pause that a 429 asks for is everybody's.
local soon_us = is_of_rate and pause_us or math.min(pause_us, FRESH_SOON_US)
local its_class = kind == 'poll' and kind or redis.call('HGET', key('job', who), 'priority')
local is_heard = not its_class
save_fresh(function(class_name, level)
  is_heard = is_heard or class_name == its_class
  if not level then return 0, NOW_US + soon_us end
  if not (is_probe and is_fresh and is_heard) then return level.failed, level.from_us end
  -- The first closing was one, too.
  return level.failed + 1, NOW_US + pause_after(level.failed + 2)
end)
redis.call('HDEL', LIMITER, of_gate('probe_until_us'), of_gate('prober'))
save_limiter(of_gate('closed_until_us'), int(NOW_US + pause_us), of_gate('why'), ARGV[10], of_gate('class'), class)
if is_of_rate then save_limiter('is_probing', 1, 'epoch', int(l.epoch + 1)) end
return {'all', times, own, 1, int(pause_us), string.format('%.3f', rate_now(limiter_state()))}
