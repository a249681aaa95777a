-- publish.lua: writes a call's news into the stream `events`. Every script ends with it.
--
-- What news has beside its items stands in fields of its own, which older readers leave alone:
--   errors      JSON: {place of an item, from 0 = why}
--   names       JSON: {id = its names (index.lua)} of all that the news is about
--   references  JSON: {{item, group, masked phone, reference}, ...} of recipients with their own, counted from 1
--
-- One entry holds all that a call changed, in order, up to ENTRY_CHANGES. Entries leave by age, and
-- the stream goes with its newest entry.
local function add_names(names, some_id)
  local job_id, ordinal = string.match(some_id, '^(j%x+)%.(%d+)')
  if job_id then
    names[some_id] = redis.call('HGET', key('names', job_id), ordinal) or nil
  else
    names[some_id] = redis.call('HGET', key(sub(some_id, 1, 1) == 'c' and 'campaign' or 'job', some_id), 'names') or nil
  end
end

-- Of a gathered job's recipients each send has its own.
local function add_names_of_sends(names, id, groups)
  local sends, ordinals = {}, {}
  for _, group in ipairs(groups) do
    for masked in pairs(group[4]) do
      local send, ordinal = string.match(masked, '%.((%d+).*)$')
      table.insert(sends, send)
      table.insert(ordinals, ordinal)
    end
  end
  if #sends == 0 or redis.call('EXISTS', key('names', id)) == 0 then return end
  for i, found in ipairs(hmget_all(key('names', id), ordinals)) do names[id .. '.' .. sends[i]] = found or nil end
end

-- `beside`: errors and references, as above.
local function publish(items, changes, beside)
  local names = {}
  for _, item in ipairs(items) do
    if names[item[2]] == nil then add_names(names, item[2]) end
    if item[1] == 'recipients' then add_names_of_sends(names, item[2], item[6]) end
  end
  beside.names = names
  local fields = {'at_ms', int(NOW_MS), 'changes', changes, 'news', cjson.encode(items)}
  for field, told in pairs(beside) do
    if next(told) then
      table.insert(fields, field)
      table.insert(fields, cjson.encode(told))
    end
  end
  redis.call('XADD', key('events'), 'MINID', '~', int(REDIS_US / 1000 - EVENTS_KEEP_MS), '*', unpack(fields))
end

local items, changes, beside = {}, 0, {errors = {}, references = {}}
for _, told in ipairs(NEWS) do
  if #items > 0 and changes + told.changes > ENTRY_CHANGES then
    publish(items, changes, beside)
    items, changes, beside = {}, 0, {errors = {}, references = {}}
  end
  if told.error then beside.errors[tostring(#items)] = told.error end
  table.insert(items, told.item)
  for _, one in ipairs(told.references or {}) do table.insert(beside.references, {#items, one[1], one[2], one[3]}) end
  changes = changes + told.changes
end
if #items > 0 then
  publish(items, changes, beside)
  redis.call('PEXPIRE', key('events'), EVENTS_KEEP_MS)
end
