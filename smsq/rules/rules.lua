-- rules.lua: who may be sent to, and when. Prepended to the scripts that need it.
--
-- Quiet hours and days are the world's: calendars, schedules and the moments below are on its clock
-- (WORLD_MS), the ledger's comes in again where a job is told to wait.
--
-- Urgent jobs are exempt from all of that. Opt-outs hold for every other job, quiet hours and the cap
-- for bulk jobs. Lua knows neither zones nor regions: what is missing is asked for, a worker writes
-- it down (rules.py), and asks for its claim again with the same slot.
--
-- The sandbox holds for every job: a staging system must not reach customers.
--
-- The last three of the script's own arguments:
-- ARGV[#ARGV - 3]  sandbox  the only phones to be sent to, |<phone>|<phone>|; '' for no sandbox
-- ARGV[#ARGV - 2]  rule   names quiet hours and home zone in the calendars; '' when neither rule
--                         needs one
-- ARGV[#ARGV - 1]  cap    campaign messages per phone and local day; 0: no cap
local SANDBOX, RULE, CAP = ARGV[#ARGV - 3], ARGV[#ARGV - 2], tonumber(ARGV[#ARGV - 1])

-- Calendars by week, of one job at a time.
local known_of, known_calendars

-- The calendars of a job's regions for the week of a moment; {nil, question} when some are missing.
local function calendars_of(job, at_ms)
  if known_of ~= job then known_of, known_calendars = job, {} end
  local week_ms = 7 * 86400000
  local week = int(math.floor(at_ms / week_ms))
  if known_calendars[week] then return known_calendars[week] end
  local regions, fields, found, missing = regions_of(job), {}, {}, {}
  for i, region in ipairs(regions) do fields[i] = RULE .. '|' .. region end
  for i, row in ipairs(hmget_all(key('calendar', week), fields)) do
    if row then found[#found + 1] = cjson.decode(row) else missing[#missing + 1] = regions[i] end
  end
  if #missing > 0 then return nil, {'calendar', week, missing} end
  known_calendars[week] = found
  return found
end

-- The end of the quiet hours at a moment, and when the next ones begin.
local function look_up(calendar, at_ms)
  for _, span in ipairs(calendar.quiet) do
    if at_ms < span[1] then return at_ms, span[1] end
    if at_ms < span[2] then at_ms = span[2] end
  end
  return at_ms, math.huge
end

-- The first moment from `at_ms` on at which every region is awake, and until when they all are. Where
-- there is none, the region of the most recipients decides.
local function find_awake(calendars, at_ms)
  -- Longest look ahead for a moment at which all regions of a job are awake.
  local last_ms = at_ms + 2 * 86400000
  local t = at_ms
  while t <= last_ms do
    local before, until_ms = t, math.huge
    for _, calendar in ipairs(calendars) do
      local awake_ms, next_ms = look_up(calendar, t)
      if awake_ms > t then t, until_ms = awake_ms, math.huge end
      until_ms = math.min(until_ms, next_ms)
    end
    if t == before then return t, until_ms end
  end
  return look_up(calendars[1], at_ms)
end

local function day_of(calendar, at_ms)
  local found = calendar.days[1][2]
  for _, day in ipairs(calendar.days) do
    if day[1] <= at_ms then found = day[2] end
  end
  return found
end

-- Waits for the end of quiet hours, which is no waiting in the line.
local function hold(id, job, awake_ms, next_ms)
  -- Jobs that waited for the same hour go on within half an hour, not all at once, and in their order.
  local spread_ms = math.min(30 * 60000, (next_ms - awake_ms) / 2)
  local until_ms = math.floor(end_of_hold(moment_ms(awake_ms), spread_ms))
  local minutes = math.ceil((until_ms - NOW_MS) / 60000)
  local hours = math.floor(minutes / 60)
  move(id, job, 'waiting', nil, 'quiet hours, for ' .. int(hours) .. ' h ' .. int(minutes - 60 * hours) .. ' min')
  lose_place(id, job)
  schedule_in_turn(id, math.min(until_ms, tonumber(job.expires_at_ms) or math.huge))
  redis.call('ZADD', key('held'), int(until_ms), id)
  redis.call('SET', key('held_by'), RULE)
  redis.call('HSET', key('job', id), 'is_held', 1)
  job.is_held = '1'
  if job.is_canary then put_off_canary(job.campaign, until_ms) end
end

-- What holds for the job as a whole: nil, 'held', or a question.
local function check_calendar(id, job)
  if job.kind ~= 'bulk' or RULE == '' then return nil end
  if not job.regions then return {'regions', id} end
  -- All messages of a job begin at one moment (smsq/campaigns/draft.py).
  local at_ms = math.max(WORLD_MS, tonumber(job.starts_at_ms) or 0)
  local calendars, question = calendars_of(job, at_ms)
  if not calendars then return question end
  local awake_ms, next_ms = find_awake(calendars, at_ms)
  if awake_ms <= at_ms then return nil end
  hold(id, job, awake_ms, next_ms)
  return 'held'
end


-- Takes those phones of a part out that a rule says; returns them. Who may be out already is left out of
-- this request, no more: nobody can say that they were not sent to.
local function take_out_of(id, job, part, is_out, reason)
  local passed, out = {}, {}
  for _, phone in ipairs(part.phones) do table.insert(is_out(phone) and out or passed, phone) end
  part.phones = passed
  if #out > 0 and job.is_gathered then
    leave_by_rule(id, job, out, reason)
  elseif #out > 0 and job.may_be_out then
    keep_cap(id, job)
  else
    withhold(id, part.n, job, out, reason)
  end
  return out
end

local function all_phones(parts)
  local phones = {}
  for _, part in ipairs(parts) do
    for _, phone in ipairs(part.phones) do phones[#phones + 1] = phone end
  end
  return phones
end

-- Takes out of a slice who is on the list of opt-outs; returns how many.
local function take_out_opted_out(id, job, parts)
  local found, taken_out = {}, 0
  ask_shards(by_shard(all_phones(parts)), 'SMISMEMBER', 'optout', function(_, some, answers)
    for i, phone in ipairs(some) do found[phone] = answers[i] == 1 end
  end)
  for _, part in ipairs(parts) do
    local out = take_out_of(id, job, part, function(phone) return found[phone] end, 'opted out')
    give_back_cap(id, job, part.n, out, part.message)
    taken_out = taken_out + #out
  end
  return taken_out
end

-- Takes out of a slice who is not in the sandbox; returns how many.
local function take_out_unlisted(id, job, parts)
  local taken_out = 0
  for _, part in ipairs(parts) do
    local out = take_out_of(id, job, part, function(phone)
      return not string.find(SANDBOX, '|' .. phone .. '|', 1, true)
    end, 'sandbox')
    give_back_cap(id, job, part.n, out, part.message)
    taken_out = taken_out + #out
  end
  return taken_out
end
