-- poll_page.lua: apply one page of reports, whatever its size, and say when to ask again.
-- needs paging.lua
-- needs measure.lua
--
-- States only move forward: pending < sent < no_report < undelivered < withheld < delivered. The
-- gateway's word and time are kept beside ours; of who was withheld only the news counts that an
-- earlier attempt got through.
--
-- ARGV[4]  ref           <job id>:<n>
-- ARGV[5]  poll number   only the newest poll may write: the claims of its pages share one number
-- ARGV[6]  rows          JSON: [[bucket, [phone, ...], [value, ...]], ...], no phone twice in one of
--                        them, each value as it is stored:
--                        state letter|gateway time|gateway word, with ? for the letter where the word
--                        is unknown to us: the word is kept, the state stays
-- ARGV[7]  offset        of this page
-- ARGV[8]  next_offset   of the next one: see paging.lua; '' where rows of this page follow
-- ARGV[9]  next_in_ms    '' while pages are left; else the next poll comes after this long
-- ARGV[10] odd           JSON: {unknown word: how it is counted}
-- ARGV[11] length        'capped': shorter than asked for, more is missing; 'last': so short because the list
--                        is as long as ours; 'empty'; else ''
-- ARGV[12] mark          of the page's phones, in whatever order; '' where it says nothing
-- ARGV[13] unreadable    rows of the page without a phone or a status
-- ARGV[14] outcome, ARGV[15] reason, ARGV[16] took_ms  of the request, see measure.lua; '' where rows follow
-- returns  {'ok', recipients not final} | {'stale', 0}
local id, n = string.match(ARGV[4], '^(.*):(%d+)$')
local message_key = key('message', id, n)
local message, job = load(message_key), load(key('job', id))
-- The request was made, whoever may write its rows.
measure_request(ARGV[14] ~= '' and 'p' or '', ARGV[14], ARGV[15], ARGV[16])
if not message or not job or (message.poll_number or message.polls) ~= ARGV[5] then return {'stale', 0} end

local RANK = {p = 0, s = 1, n = 2, u = 3, w = 4, d = 5}
local NAME = {p = 'pending', s = 'sent', n = 'no_report', u = 'undelivered', w = 'withheld', d = 'delivered'}
local foreign, heard, unknown, odd = 0, 0, {}, cjson.decode(ARGV[10])
local told = {id, job.campaign or '', tonumber(n), message.message_id or ''}

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

-- Phones that changed their state, by new word and by old and new letter.
local moved = {}
local function note_move(phone, letters, word)
  local by_letters = moved[word]
  if not by_letters then
    by_letters = {}
    moved[word] = by_letters
  end
  local phones = by_letters[letters]
  if phones then phones[#phones + 1] = phone else by_letters[letters] = {phone} end
end

-- A word that we do not know changes no state, and says nothing against a final one.
local function read_odd(was, old, value)
  local word = word_of(value)
  if word_of(old) ~= word then unknown[odd[word]] = (unknown[odd[word]] or 0) + 1 end
  return RANK[was] > RANK.n and old or was .. sub(value, 2)
end

-- One read and one write for all rows of a bucket.
local function apply_bucket(k, phones, values)
  local changed, size = {}, 0
  for i, old in ipairs(hmget_all(k, phones)) do
    if not old then
      foreign = foreign + 1
    else
      local value = values[i]
      if old == '' then heard = heard + 1 end
      local was, now = old == '' and 'p' or sub(old, 1, 1), sub(value, 1, 1)
      if now == '?' then
        value = read_odd(was, old, value)
        now = was
      end
      if value ~= old and RANK[now] >= RANK[was] then
        changed[size + 1], changed[size + 2] = phones[i], value
        size = size + 2
        if now ~= was then note_move(phones[i], was .. now, word_of(value)) end
      end
    end
  end
  hset_all(k, changed)
end

local prefix = key('recipients', id, n, '')
for _, rows in ipairs(cjson.decode(ARGV[6])) do apply_bucket(prefix .. rows[1], rows[2], rows[3]) end
if next(moved) then told.ordinals = read_ordinals(id, job) end
local delta = {}
for word, by_letters in pairs(moved) do
  for letters, phones in pairs(by_letters) do
    local was, now = sub(letters, 1, 1), sub(letters, 2)
    delta[was] = (delta[was] or 0) - #phones
    delta[now] = (delta[now] or 0) + #phones
    told.references = read_references(id, job, n, message.buckets, phones)
    tell_recipients(told, phones, NAME[was], NAME[now], word)
    measure_final(job, message, phones, NAME[now])
  end
end
for letter, by in pairs(delta) do count_recipients(id, job, n, NAME[letter], by) end
count({}, 'reports_foreign', foreign)
if next(moved) then prove_later(id, job) end

-- A gateway that makes words up must not fill the ledger with them.
local MAX_WORDS = 50
for word, by in pairs(unknown) do
  if redis.call('HEXISTS', key('words'), word) == 0 and redis.call('HLEN', key('words')) >= MAX_WORDS then
    word = '(others)'
  end
  redis.call('HINCRBY', key('words'), word, by)
end

if heard > 0 then
  redis.call('HINCRBY', message_key, 'heard', heard)
  redis.call('HINCRBY', message_key, 'poll_news', heard)
end
local left = unfinished(id, n)
if ARGV[8] == '' then return {'ok', left} end
if message.asides and ARGV[6] ~= '[]' then redis.call('HDEL', message_key, 'asides') end
local age_ms = NOW_MS - born_ms_of(job, message.starts_at_ms)
count({}, 'reports_unreadable', tonumber(ARGV[13]))
local rests = return_page(ARGV[4], message_key, message, {
  offset = tonumber(ARGV[7]),
  next_offset = tonumber(ARGV[8]),
  next_in_ms = ARGV[9],
  is_capped = ARGV[11] == 'capped',
  is_empty = ARGV[11] == 'empty',
  is_last = ARGV[11] == 'last',
  mark = ARGV[12],
  news = heard + (tonumber(message.poll_news) or 0),
  heard = heard + (tonumber(message.heard) or 0),
}, age_ms)
-- A message whose id came too late is asked for a few times more, for all its pages.
local late = message.late_polls and rests and redis.call('HINCRBY', message_key, 'late_polls', -1)
if late == 0 then redis.call('HDEL', message_key, 'late_polls') end
local is_late = message.late_polls and late ~= 0 and count_overridable(message_key) > 0
if left == 0 and not is_late then
  stop_polling(ARGV[4])
  finish_if_final(id, job)
end
return {'ok', left}
