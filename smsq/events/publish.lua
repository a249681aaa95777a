-- publish.lua: writes a call's news into the stream `events`. Every script ends with it.
--
-- One entry holds all that a call changed, in order, up to ENTRY_CHANGES. Entries leave by age, and
-- the stream goes with its newest entry.
local function publish(items, changes)
  redis.call('XADD', key('events'), 'MINID', '~', int(REDIS_US / 1000 - EVENTS_KEEP_MS), '*',
    'at_ms', int(NOW_MS), 'changes', changes, 'news', cjson.encode(items))
end

local items, changes = {}, 0
for _, told in ipairs(NEWS) do
  if #items > 0 and changes + told.changes > ENTRY_CHANGES then
    publish(items, changes)
    items, changes = {}, 0
  end
  table.insert(items, told.item)
  changes = changes + told.changes
end
if #items > 0 then
  publish(items, changes)
  redis.call('PEXPIRE', key('events'), EVENTS_KEEP_MS)
end
