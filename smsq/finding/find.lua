-- find.lua: find what was enqueued for a phone, or under a reference: the newest first, some entries of the
-- index at a time.
-- begins no clock
--
-- ARGV[4]  what      'p': a phone; 'r': a reference
-- ARGV[5]  name      the phone as the gateway wants it, or the reference
-- ARGV[6]  passed    entries that earlier calls looked at
-- ARGV[7]  most      rows
-- ARGV[8]  since_ms  what was enqueued before is left out
-- returns  {{row, ...}, passed: -1 at the end}; a row is one of
--          {'job', id, {kind, state, created_at_ms, names, campaign, error}, phone, what is kept of it, its own reference}
--          {'send', own id, reference} | {'campaign', id, its hash}
local what, name, passed = ARGV[4], ARGV[5], tonumber(ARGV[6])
local most, since_ms = tonumber(ARGV[7]), tonumber(ARGV[8])
local SLICE, MOST_LOOKS = 1000, 300
local FIELDS = {'kind', 'state', 'created_at_ms', 'names', 'campaign', 'error'}
local secret = secret_of_index()
if not secret then return {{}, -1} end
local k, mark = place_in_index(secret, what, name)
local rows, gone, looks, is_late = {}, {}, 0, false

local function add_row(created_at_ms, row)
  is_late = is_late or tonumber(created_at_ms) < since_ms
  if not is_late then table.insert(rows, row) end
end

-- A job of a draft is none yet; one that is not launched is queued.
local function read_job(id)
  local fields = redis.call('HMGET', key('job', id), unpack(FIELDS))
  local is_live = fields[2] or (fields[5] and redis.call('HEXISTS', key('campaign', fields[5]), 'created_at_ms') == 1)
  for i = 1, #FIELDS do fields[i] = fields[i] or '' end
  if is_live and fields[2] == '' then fields[2] = 'queued' end
  return fields, is_live
end

local function look_at_quick(id)
  local fields, is_live = read_job(id)
  if not is_live then return end
  if what == 'r' and reference_in(fields[4]) ~= name then return end
  local recipient = redis.call('HGETALL', key('recipients', id, 1, 0))
  if what == 'p' and recipient[1] ~= name then return end
  add_row(fields[3], {'job', id, fields, recipient[1] or '', recipient[2] or '', ''})
end

local function look_at_send(id, ordinal)
  local row = redis.call('LINDEX', key('gathered', id), int(ordinal - 1))
  local names = redis.call('HGET', key('names', id), int(ordinal))
  if not row then return end
  local phone, since, tag = read_row(row)
  if what == 'p' and phone ~= name or what == 'r' and reference_in(names or '') ~= name then return end
  add_row(since, {'send', id .. '.' .. name_send(ordinal, tag)})
end

local function look_at_bucket(id, n, bucket)
  local fields, is_live = read_job(id)
  if not is_live then return end
  for phone, reference in pairs(load(key('references', id, n, bucket)) or {}) do
    if reference == name then
      local value = redis.call('HGET', key('recipients', id, n, bucket), phone)
      if value then add_row(fields[3], {'job', id, fields, phone, value, reference}) end
    end
  end
end

local function look_at_campaign(id)
  local campaign = load(key('campaign', id))
  if not campaign or reference_in(campaign.names) ~= name then return end
  add_row(campaign.created_at_ms, {'campaign', id, redis.call('HGETALL', key('campaign', id))})
end

-- Older versions leave entries of what they take away: whoever comes upon one takes it out.
local function look_at(entry)
  local id = sub(entry, 4)
  local owner, ordinal = string.match(id, '^(%w+)%.?(%d*)')
  local n, bucket = string.match(id, ':(%d+):(%d+)$')
  if redis.call('EXISTS', key(sub(id, 1, 1) == 'c' and 'campaign' or 'job', owner)) == 0 then
    table.insert(gone, entry)
  elseif sub(id, 1, 1) == 'c' then
    look_at_campaign(id)
  elseif n then
    look_at_bucket(owner, n, bucket)
  elseif ordinal ~= '' then
    look_at_send(owner, tonumber(ordinal))
  else
    look_at_quick(owner)
  end
end

local entries = redis.call('LRANGE', k, -passed - SLICE, -passed - 1)
local kept = 0
for i = #entries, 1, -1 do
  if is_late or looks >= MOST_LOOKS or #rows >= most then break end
  kept = kept + 1
  if sub(entries[i], 1, 3) == mark then
    looks = looks + 1
    look_at(entries[i])
  end
end
for _, entry in ipairs(gone) do redis.call('LREM', k, -1, entry) end
local is_end = is_late or (kept == #entries and #entries < SLICE)
return {rows, is_end and -1 or passed + kept - #gone}
