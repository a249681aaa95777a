-- publish.lua: writes a call's news into the stream `events`. Every script ends with it.
--
-- One entry holds all that a call changed, in order, up to ENTRY_CHANGES. Entries leave by age, and
-- the stream goes with its newest entry. `errors`, where there are any: place of an item, from 0 -> why.
local function publish(items, changes, errors)
  local fields = {'at_ms', int(NOW_MS), 'changes', changes, 'news', cjson.encode(items)}
  if next(errors) then
    table.insert(fields, 'errors')
    table.insert(fields, cjson.encode(errors))
  end
  redis.call('XADD', key('events'), 'MINID', '~', int(REDIS_US / 1000 - EVENTS_KEEP_MS), '*', unpack(fields))
end

local items, changes, errors = {}, 0, {}
for _, told in ipairs(NEWS) do
  if #items > 0 and changes + told.changes > ENTRY_CHANGES then
    publish(items, changes, errors)
    items, changes, errors = {}, 0, {}
  end
  if told.error then errors[tostring(#items)] = told.error end
  table.insert(items, told.item)
  changes = changes + told.changes
end
if #items > 0 then
  publish(items, changes, errors)
  redis.call('PEXPIRE', key('events'), EVENTS_KEEP_MS)
end
