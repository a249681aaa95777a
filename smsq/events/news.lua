-- news.lua: collects what a script call changes, for the stream `events`. Every script begins with
-- it; publish.lua, with which every script ends, writes the news down.
--
-- ARGV[last]  events_keep_ms   how long news is kept, as the caller has it; 0: there is none. What the
--                              worker says that started last counts (agree.lua): a web app with another
--                              value would trim everybody's news
--
-- An item of news is one of
--   {'job', id, campaign, old state, new state}
--   {'campaign', id, old brake, new brake, why}
--   {'recipients', id, campaign, n, message id, {{old, new, gateway word, {masked phone = how many}}, ...}}
-- with '' for what is not there; the phones of a gathered job have ordinal and tag of their send behind
-- them, after a dot. Phones that look the same once masked are counted, so a page of
-- 1,000 recipients takes some 2 KB.
-- Read with the clock (lib.lua).
local EVENTS_KEEP_MS
local NEWS = {}
-- Most recipients in one item, and most changes in one entry of the stream.
local ENTRY_CHANGES = 1000

-- As smsq/text/phones.py does it: enough to recognise, not enough to call.
local sub, stars = string.sub, {}
local function mask_phone(phone)
  local hidden = #phone - 5
  if hidden < 3 then return string.rep('*', #phone) end
  if not stars[hidden] then stars[hidden] = string.rep('*', hidden) end
  return '+' .. sub(phone, 1, 3) .. stars[hidden] .. sub(phone, -2)
end

-- `error`: why, in the words of its status. It stands beside the items, for versions that do not know it.
local function tell_job(id, job, to, error)
  if EVENTS_KEEP_MS == 0 then return end
  if error == '' then error = nil end
  table.insert(NEWS, {item = {'job', id, job.campaign or '', job.state or '', to}, changes = 1, error = error})
end

local function tell_campaign(id, was, now, why)
  if EVENTS_KEEP_MS == 0 then return end
  table.insert(NEWS, {item = {'campaign', id, was or '', now or '', why or ''}, changes = 1})
end

-- Where the newest entry keeps the phones of a message that changed alike: masked phone -> how many.
local function group_of(message, was, now, word)
  local last = NEWS[#NEWS]
  if not last or last.message ~= message or last.changes >= ENTRY_CHANGES then
    last = {message = message, groups = {}, changes = 0}
    last.item = {'recipients', message[1], message[2], message[3], message[4], {}}
    table.insert(NEWS, last)
  end
  local alike = was .. '|' .. now .. '|' .. word
  local group = last.groups[alike]
  if not group then
    group = {}
    last.groups[alike] = group
    table.insert(last.item[6], {was, now, word, group})
  end
  return last, group
end

-- A reference that a recipient has of its own stands beside its item: {group, masked phone, reference}.
local function note_reference(told, group, masked, reference)
  for i, alike in ipairs(told.item[6]) do
    if alike[4] == group then
      told.references = told.references or {}
      table.insert(told.references, {i, masked, reference})
    end
  end
end

-- `message` is one table for all recipients of a message: {job id, campaign, n, message id}, with
-- `ordinals` where it was gathered, and `references` where they have their own; `phones` changed alike.
local function tell_recipients(message, phones, was, now, word)
  if EVENTS_KEEP_MS == 0 then return end
  local last, group
  for _, phone in ipairs(phones) do
    if not last or last.changes >= ENTRY_CHANGES then last, group = group_of(message, was, now, word) end
    local masked = mask_phone(phone)
    local ordinal = message.ordinals and message.ordinals[phone]
    if ordinal then masked = masked .. '.' .. ordinal end
    group[masked] = (group[masked] or 0) + 1
    local reference = message.references and message.references[phone]
    if reference then note_reference(last, group, masked, reference) end
    last.changes = last.changes + 1
  end
end
