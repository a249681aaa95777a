-- phones.lua: where a job's phones stand. Every script begins with it, after lib.lua.
local function bucket_of(phone, buckets)
  local tail = tonumber(string.sub(phone, -6))
  return tail and math.floor(tail / 32) % buckets
end

local function bucket_key(id, n, buckets, phone)
  local bucket = bucket_of(phone, buckets)
  return bucket and key('recipients', id, n, bucket)
end

-- What one call does is bounded, however large the jobs are that it meets: it goes through a large one
-- slice by slice. The work that a call has left is counted in commands, more or less; a place in a job
-- is a message and one of its buckets, as 3:17, and 1:0 is its beginning.
local work_left = 800
-- A message is read and handed on, so is each of its phones; rules cost more.
local MESSAGE_COST, PHONE_COST = 6, 0.5

-- The phones of a message's bucket that are sent to: all but those that a rule took out.
local function phones_in(k, has_withheld, phones)
  if not has_withheld then
    for _, phone in ipairs(redis.call('HKEYS', k)) do phones[#phones + 1] = phone end
    return
  end
  for phone, value in pairs(load(k) or {}) do
    if string.sub(value, 1, 1) ~= 'w' then phones[#phones + 1] = phone end
  end
end

-- A send that may be out and is not sent again has no text any more (gathered.lua).
local function leave_out_without_text(id, n, phones)
  local to = {}
  for i, text in ipairs(hmget_all(key('texts', id, n), phones)) do
    if text then to[#to + 1] = phones[i] end
  end
  return to
end

-- A slice of a job from a place on: its parts, each a message's buckets from `from` up to before `to`,
-- with the message's hash and the phones that are sent to. Second: the place after it; nil at the end.
local function cut_slice(id, job, place, phone_cost)
  local n, b = string.match(place, '^(%d+):(%d+)$')
  n, b = tonumber(n), tonumber(b)
  local parts, messages = {}, tonumber(job.messages)
  while n <= messages and (work_left > 0 or #parts == 0) do
    local flat = redis.call('HGETALL', key('message', id, n))
    local message = to_hash(flat)
    local buckets = tonumber(message.buckets)
    local part = {n = n, flat = flat, message = message, from = b, buckets = buckets, phones = {}}
    work_left = work_left - MESSAGE_COST
    repeat
      local before = #part.phones
      if b < buckets then phones_in(key('recipients', id, n, b), message.withheld, part.phones) end
      work_left = work_left - 1 - (#part.phones - before) * phone_cost
      b = b + 1
    until b >= buckets or work_left <= 0
    part.to = b
    -- Between two slices the doubt may go, and not yet who was left out for it.
    local has_left_out = job.is_gathered and (job.may_be_out or redis.call('EXISTS', key('left_out', id)) == 1)
    if has_left_out then part.phones = leave_out_without_text(id, n, part.phones) end
    parts[#parts + 1] = part
    if b >= buckets then n, b = n + 1, 0 end
  end
  return parts, n <= messages and int(n) .. ':' .. int(b) or nil
end

-- What is kept per phone over all jobs is split into so many pieces, each small enough to be packed.
local SHARDS = 4096

local function by_shard(phones)
  local shards = {}
  for _, phone in ipairs(phones) do
    local shard = tonumber(phone) % SHARDS
    local found = shards[shard]
    if found then found[#found + 1] = phone else shards[shard] = {phone} end
  end
  return shards
end

-- Runs a command on each shard's phones, some thousands at a time; `use` gets shard, phones, answer.
local function ask_shards(shards, command, what, use)
  for shard, phones in pairs(shards) do
    local k = key(what, shard)
    for i = 1, #phones, 4000 do
      local part = #phones <= 4000 and phones or {unpack(phones, i, math.min(i + 3999, #phones))}
      use(k, part, redis.call(command, k, unpack(part)))
    end
  end
end

-- The regions of a job's phones, most recipients first.
local function regions_of(job)
  job.region_list = job.region_list or split(job.regions, ';')
  return job.region_list
end

-- Phones of a job by the place of their region in its field `regions`.
local function by_region(id, job, phones)
  if #regions_of(job) == 1 then return {phones} end
  local found = {}
  for i, place in ipairs(hmget_all(key('regions', id), phones)) do
    place = tonumber(place or 1)
    found[place] = found[place] or {}
    table.insert(found[place], phones[i])
  end
  return found
end
