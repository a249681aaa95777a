-- cap.lua: how many campaign messages a phone gets on a local day. Prepended after rules.lua.
--
-- A message's field `counted` says on which day of each of its job's regions it was counted, and
-- `counted_to` up to which bucket, while slices are left. What is sent again on the same day is not
-- counted twice.

-- The local day of each of a job's regions at which a message goes out, or nil and a question.
local function days_of(job, message, known)
  local at_ms = math.max(WORLD_MS, tonumber(message.starts_at_ms) or 0)
  if known[at_ms] then return known[at_ms] end
  local calendars, question = calendars_of(job, at_ms)
  if not calendars then return nil, question end
  local days = {}
  for place, calendar in ipairs(calendars) do days[place] = day_of(calendar, at_ms) end
  known[at_ms] = days
  return days
end

-- Phone -> place of its region; nil where all are of one region.
local function places_of(id, job, parts)
  if #regions_of(job) == 1 then return nil end
  local phones, places = all_phones(parts), {}
  for i, place in ipairs(hmget_all(key('regions', id), phones)) do places[phones[i]] = tonumber(place or 1) end
  return places
end

-- The phones of each part that are to be counted, as {phone, day}; those counted before are left out.
local function find_uncounted(job, parts, places)
  for _, part in ipairs(parts) do
    local was, to = counted_of(job, part.message)
    part.uncounted = {}
    for _, phone in ipairs(part.phones) do
      local place = places and places[phone] or 1
      local day = part.days[place]
      if day ~= was[place] or (to < part.to and bucket_of(phone, part.buckets) >= to) then
        part.uncounted[#part.uncounted + 1] = {phone, day}
      end
    end
  end
end

-- How many messages the phones had on their days: day -> phone -> number.
local function read_counts(parts)
  local counts, by_day = {}, {}
  for _, part in ipairs(parts) do
    for _, one in ipairs(part.uncounted) do
      local phone, day = one[1], one[2]
      if not counts[day] then counts[day], by_day[day] = {}, {} end
      if not counts[day][phone] then table.insert(by_day[day], phone) end
      counts[day][phone] = 0
    end
  end
  for day, phones in pairs(by_day) do
    ask_shards(by_shard(phones), 'HMGET', 'cap:' .. day, function(_, some, answers)
      for i, phone in ipairs(some) do counts[day][phone] = tonumber(answers[i] or 0) end
    end)
  end
  return counts
end

-- `changed`: day -> phone -> true.
local function write_counts(counts, changed)
  for day, is_changed in pairs(changed) do
    local phones = {}
    for phone in pairs(is_changed) do phones[#phones + 1] = phone end
    for shard, some in pairs(by_shard(phones)) do
      local k, flat = key('cap:' .. day, shard), {}
      for _, phone in ipairs(some) do
        flat[#flat + 1] = phone
        flat[#flat + 1] = counts[day][phone]
      end
      hset_all(k, flat)
      redis.call('PEXPIRE', k, int(math.max(day_left_ms(day), 3600000)))
    end
  end
end

-- Where only some regions are on another day than before, the others' share behind this slice is
-- forgotten: a claim that breaks off there leaves them counted.
local function note_counted(id, job, part)
  local was, to = counted_of(job, part.message)
  local on = table.concat(part.days, ';')
  if on == table.concat(was, ';') and to >= part.to then return end
  local k = key('message', id, part.n)
  redis.call('HSET', k, 'counted', on)
  if part.to < part.buckets then
    redis.call('HSET', k, 'counted_to', part.to)
  elseif part.message.counted_to then
    redis.call('HDEL', k, 'counted_to')
  end
end

-- Takes out of a slice who had enough messages on the day, and counts the others; returns how many
-- are out, or nil and a question.
local function take_out_over_cap(id, job, parts)
  local known, question = {}, nil
  for _, part in ipairs(parts) do
    part.days, question = days_of(job, part.message, known)
    if question then return nil, question end
  end
  find_uncounted(job, parts, places_of(id, job, parts))
  local counts, changed, taken_out = read_counts(parts), {}, 0
  for _, part in ipairs(parts) do
    local is_over = {}
    for _, one in ipairs(part.uncounted) do
      local phone, day = one[1], one[2]
      if counts[day][phone] >= CAP then
        is_over[phone] = true
      else
        counts[day][phone] = counts[day][phone] + 1
        changed[day] = changed[day] or {}
        changed[day][phone] = true
      end
    end
    note_counted(id, job, part)
    taken_out = taken_out + #take_out_of(id, job, part, function(phone) return is_over[phone] end, 'frequency cap')
  end
  write_counts(counts, changed)
  if job.counted ~= '1' then redis.call('HSET', key('job', id), 'counted', 1) end
  if job.given_back then
    redis.call('HDEL', key('job', id), 'given_back')
    job.given_back = nil
  end
  job.counted = '1'
  return taken_out
end
