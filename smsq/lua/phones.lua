-- phones.lua: where a job's phones stand. Every script begins with it, after lib.lua.
local function bucket_key(id, n, buckets, phone)
  local tail = tonumber(string.sub(phone, -6))
  if not tail then return nil end
  return key('recipients', id, n, math.floor(tail / 32) % buckets)
end

-- The phones of a message that are sent to: all but those that a rule took out.
local function phones_of(id, n)
  local message = redis.call('HMGET', key('message', id, n), 'buckets', 'withheld')
  local phones = {}
  for b = 0, tonumber(message[1]) - 1 do
    local k = key('recipients', id, n, b)
    if not message[2] then
      for _, phone in ipairs(redis.call('HKEYS', k)) do table.insert(phones, phone) end
    else
      for phone, value in pairs(load(k) or {}) do
        if string.sub(value, 1, 1) ~= 'w' then table.insert(phones, phone) end
      end
    end
  end
  return phones
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

-- Phones of a job by the place of their region in its field `regions`.
local function by_region(id, job, phones)
  local places = #split(job.regions, ';') > 1 and hmget_all(key('regions', id), phones) or {}
  local found = {}
  for i, phone in ipairs(phones) do
    local place = tonumber(places[i] or 1)
    found[place] = found[place] or {}
    table.insert(found[place], phone)
  end
  return found
end
