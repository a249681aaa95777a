-- poll_page.lua: apply one page of reports, whatever its size, and say when to ask again.
--
-- States only move forward: pending < sent < no_report < undelivered < withheld < delivered. The
-- gateway's word and time are kept beside ours; of who was withheld only the news counts that an
-- earlier attempt got through.
--
-- ARGV[4]  ref           <job id>:<n>
-- ARGV[5]  poll number   only the newest poll may write: the claims of its pages share one number
-- ARGV[6]  rows          JSON: {bucket: [[phone, ...], [value, ...]], ...}, each value as it is stored:
--                        state letter|gateway time|gateway word, with ? for the letter where the word
--                        is unknown to us: the word is kept, the state stays
-- ARGV[7]  next_offset   where the next page starts; 0 after the last one; '' when poll_turn.lua has
--                        said so already, and the poll goes on elsewhere
-- ARGV[8]  next_in_ms    '' while pages are left; else the next poll comes after this long
-- ARGV[9]  odd           JSON: {unknown word: how it is counted}
-- returns  {'ok', recipients not final} | {'stale', 0}
local id, n = string.match(ARGV[4], '^(.*):(%d+)$')
local message_key = key('message', id, n)
local message, job = load(message_key), load(key('job', id))
if not message or not job or (message.poll_number or message.polls) ~= ARGV[5] then return {'stale', 0} end

local RANK = {p = 0, s = 1, n = 2, u = 3, w = 4, d = 5}
local NAME = {p = 'pending', s = 'sent', n = 'no_report', u = 'undelivered', w = 'withheld', d = 'delivered'}
local delta, foreign, unknown, odd = {}, 0, {}, cjson.decode(ARGV[9])
local told = {id, job.campaign or '', tonumber(n), message.message_id or '', ordinals = read_ordinals(id, job)}

-- Values of one page are much alike.
local words = {}
local function word_of(value)
  local word = words[value]
  if not word then
    word = string.match(value, '^.-|.-|(.*)$') or ''
    words[value] = word
  end
  return word
end

-- What the phone's value becomes; nil when it stays.
local function advance(phone, old, value)
  local was = old == '' and 'p' or string.sub(old, 1, 1)
  local now = string.sub(value, 1, 1)
  if now == '?' then
    local word = word_of(value)
    if word_of(old) ~= word then unknown[odd[word]] = (unknown[odd[word]] or 0) + 1 end
    -- A word that we do not know says nothing against a final one.
    if RANK[was] > RANK.n then return nil end
    now = was
    value = now .. string.sub(value, 2)
  end
  if RANK[now] < RANK[was] or value == old then return nil end
  if now ~= was then
    delta[was] = (delta[was] or 0) - 1
    delta[now] = (delta[now] or 0) + 1
    tell_recipient(told, phone, NAME[was], NAME[now], word_of(value))
  end
  return value
end

-- One read and one write for all rows of a bucket.
local function apply_bucket(k, phones, values)
  local old, changed, size = {}, {}, 0
  for i, value in ipairs(hmget_all(k, phones)) do old[phones[i]] = value end
  for i, phone in ipairs(phones) do
    if not old[phone] then
      foreign = foreign + 1
    else
      local value = advance(phone, old[phone], values[i])
      if value then
        old[phone] = value
        changed[size + 1], changed[size + 2] = phone, value
        size = size + 2
      end
    end
  end
  hset_all(k, changed)
end

local prefix = key('recipients', id, n, '')
for bucket, rows in pairs(cjson.decode(ARGV[6])) do apply_bucket(prefix .. bucket, rows[1], rows[2]) end
for letter, by in pairs(delta) do
  if by ~= 0 then
    redis.call('HINCRBY', message_key, NAME[letter], by)
    count(job, 'recipient:' .. NAME[letter], by)
  end
end
count({}, 'reports_foreign', foreign)

-- A gateway that makes words up must not fill the ledger with them.
local MAX_WORDS = 50
for word, by in pairs(unknown) do
  if redis.call('HEXISTS', key('words'), word) == 0 and redis.call('HLEN', key('words')) >= MAX_WORDS then
    word = '(others)'
  end
  redis.call('HINCRBY', key('words'), word, by)
end

if ARGV[7] ~= '' then redis.call('HSET', message_key, 'poll_offset', ARGV[7]) end
local left = unfinished(id, n)
-- A message whose id came too late is asked for a few times more, for all its pages.
local late = message.late_polls and ARGV[8] ~= '' and redis.call('HINCRBY', message_key, 'late_polls', -1)
if late == 0 then redis.call('HDEL', message_key, 'late_polls') end
local late_left = tonumber(redis.call('HGET', message_key, 'no_report')) or 0
local is_late = message.late_polls and late ~= 0 and late_left > 0
if left == 0 and not is_late then
  stop_polling(ARGV[4])
  finish_if_final(id, job)
elseif ARGV[7] == '' then
  return {'ok', left}
elseif ARGV[8] ~= '' then
  redis.call('ZADD', key('polls'), int(NOW_MS + tonumber(ARGV[8])), ARGV[4])
else
  line_up_page(ARGV[4])
end
return {'ok', left}
