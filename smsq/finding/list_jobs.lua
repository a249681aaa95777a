-- list_jobs.lua: list jobs by state, tag and time, the newest first, some at a time.
-- begins no clock
--
-- ARGV[4]  span      whose jobs are looked at; '' for the newest
-- ARGV[5]  passed    of these, looked at by earlier calls
-- ARGV[6]  state     '' for any
-- ARGV[7]  tag       '' for any; sends of a gathered job have their own
-- ARGV[8]  since_ms  what was enqueued before is left out
-- ARGV[9]  most      rows
-- returns  {{row, ...}, span: '' at the end, passed}; rows as of find.lua
local span, passed, state, tag = ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
local since_ms, most = tonumber(ARGV[8]), tonumber(ARGV[9])
local SLICE, COMMANDS = 100, 1200
local FIELDS = {'kind', 'state', 'created_at_ms', 'names', 'campaign', 'error', 'is_gathered'}
local rows, left = {}, COMMANDS

local function is_tagged(names)
  return string.find((string.match(names or '', '\n.*') or '') .. '\n', '\n' .. tag .. '\n', 1, true) ~= nil
end

-- Their states are their own: whoever asked looks.
local function list_sends(id)
  for ordinal, names in pairs(load(key('names', id)) or {}) do
    left = left - 1
    local row = is_tagged(names) and redis.call('LINDEX', key('gathered', id), int(ordinal - 1))
    if row then
      local _, _, end_of_id = read_row(row)
      table.insert(rows, {'send', id .. '.' .. name_send(tonumber(ordinal), end_of_id)})
    end
  end
end

local function look_at(id, fields)
  local is_live = fields[2] or (fields[5] and redis.call('HEXISTS', key('campaign', fields[5]), 'created_at_ms') == 1)
  if not is_live or tonumber(fields[3]) < since_ms then return end
  if tag ~= '' and fields[7] then return list_sends(id) end
  fields[2] = fields[2] or 'queued'
  if (state ~= '' and fields[2] ~= state) or (tag ~= '' and not is_tagged(fields[4])) then return end
  for i = 1, #FIELDS do fields[i] = fields[i] or '' end
  local recipient = fields[1] == 'quick' and redis.call('HGETALL', key('recipients', id, 1, 0)) or {}
  table.insert(rows, {'job', id, fields, recipient[1] or '', recipient[2] or '', ''})
end

if span == '' then
  span = redis.call('ZREVRANGE', key('spans'), 0, 0)[1]
end
local first = span_of(since_ms)
while span and tonumber(span) >= tonumber(first) do
  local ids, gone = redis.call('LRANGE', key('enqueued', span), -passed - SLICE, -passed - 1), {}
  for i = #ids, 1, -1 do
    if left <= 0 or #rows >= most then break end
    local fields = redis.call('HMGET', key('job', ids[i]), unpack(FIELDS))
    left, passed = left - 2, passed + 1
    if fields[1] then look_at(ids[i], fields) else table.insert(gone, ids[i]) end
  end
  -- What an older version took away.
  for _, id in ipairs(gone) do unlist_by_time(id, span) end
  passed, left = passed - #gone, left - 1 - #gone
  if left <= 0 or #rows >= most then return {rows, span, passed} end
  if #ids < SLICE then
    span, passed = redis.call('ZREVRANGEBYSCORE', key('spans'), '(' .. span, '-inf', 'LIMIT', 0, 1)[1], 0
  end
end
return {rows, '', 0}
