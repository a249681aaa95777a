-- request.lua: what goes to the gateway, prepared slice by slice. Prepended to claim.lua and
-- prepare.lua, after cap.lua.
--
-- A job's field `preparing` says how far that is, while slices are left: place|left|opted
-- out|frequency cap, and |sandbox where that took somebody out. As long as it is there, no request of this claim was begun. A job is claimed with
-- its first slice that has anybody left.

-- Reasons to take somebody out, in the order in which they are kept and told.
local REASONS = {'opted out', 'frequency cap', 'sandbox'}

-- What is prepared so far: the place where it goes on, and how many recipients are left and were
-- taken out.
local function read_progress(job)
  local place, counts = string.match(job.preparing or '1:0|0|0|0', '^([^|]*)|(.+)$')
  local numbers = {}
  for number in string.gmatch(counts, '%d+') do numbers[#numbers + 1] = tonumber(number) end
  local totals = {}
  for i, reason in ipairs(REASONS) do totals[reason] = numbers[i + 1] or 0 end
  return {place = place, left = numbers[1], totals = totals}
end

local function keep_progress(id, progress)
  if not progress.place then return redis.call('HDEL', key('job', id), 'preparing') end
  local told = {progress.place, int(progress.left)}
  for _, reason in ipairs(REASONS) do told[#told + 1] = int(progress.totals[reason]) end
  -- Workers of before read two totals.
  if progress.totals.sandbox == 0 then told[#told] = nil end
  redis.call('HSET', key('job', id), 'preparing', table.concat(told, '|'))
end

local function say_withheld(totals)
  local said = {}
  for _, reason in ipairs(REASONS) do
    if totals[reason] > 0 then table.insert(said, int(totals[reason]) .. ' ' .. reason) end
  end
  return table.concat(said, ', ')
end

-- The sends of a gathered job stand in its request as they came, where one slice holds them all.
local function in_order(id, part)
  if part.from > 0 or part.to < part.buckets then return part.phones end
  local is_sent, ordered = {}, {}
  for _, phone in ipairs(part.phones) do is_sent[phone] = true end
  for _, row in ipairs(redis.call('LRANGE', key('gathered', id), 0, -1)) do
    local phone, _, _, left = read_row(row)
    if left == '' and is_sent[phone] then ordered[#ordered + 1] = phone end
  end
  return #ordered == #part.phones and ordered or part.phones
end

local function describe(id, job, part)
  if job.is_gathered then part.phones = in_order(id, part) end
  local own = part.message.text and {} or hmget_all(key('texts', id, part.n), part.phones)
  return {part.n, fields_for_request(id, job, part.flat), part.phones, own}
end

-- What the rules cost for each phone.
local function phone_cost(has_optouts, is_capped)
  return PHONE_COST + (has_optouts and 0.7 or 0) + (is_capped and 4 or 0)
end

-- Prepares the next slice and moves `progress` on; its place is nil after the last. Returns the parts
-- of messages that go to the gateway, {{n, message hash flat, phones, their texts}, ...}; or nil and
-- a question, then nothing was prepared.
local function prepare_slice(id, job, progress)
  local is_ruled, totals = job.priority ~= 'urgent', progress.totals
  local has_optouts = is_ruled and redis.call('EXISTS', key('optouts')) == 1
  local is_capped = is_ruled and CAP > 0 and job.kind == 'bulk'
  local parts, next_place = cut_slice(id, job, progress.place, phone_cost(has_optouts, is_capped))
  if SANDBOX ~= '' then totals.sandbox = totals.sandbox + take_out_unlisted(id, job, parts) end
  if has_optouts then
    totals['opted out'] = totals['opted out'] + take_out_opted_out(id, job, parts)
  end
  if is_capped then
    local out, question = take_out_over_cap(id, job, parts)
    if not out then return nil, question end
    totals['frequency cap'] = totals['frequency cap'] + out
  end
  local described = {}
  for _, part in ipairs(parts) do
    progress.left = progress.left + #part.phones
    if #part.phones > 0 then table.insert(described, describe(id, job, part)) end
  end
  progress.place = next_place
  local said = not next_place and say_withheld(totals) or ''
  if said ~= '' then note(id, job.may_be_out and 'left out' or 'withheld', said) end
  return described
end

-- The rules took everybody out.
local function end_without_recipients(id, job) move(id, job, 'done', '', 'nobody is left to send to') end
