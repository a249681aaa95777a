-- poll_page.lua: apply one page of reports, whatever its size, and say when to ask again.
--
-- States only move forward: pending < sent < no_report < undelivered < withheld < delivered. The
-- gateway's word and time are kept beside ours; of who was withheld only the news counts that an
-- earlier attempt got through.
--
-- ARGV[4]  ref           <job id>:<n>
-- ARGV[5]  poll number   only the newest claim may write
-- ARGV[6]  rows          JSON: [[phone, state, gateway time, gateway word], ...]; state '' when the
--                        word is unknown to us: the word is kept, the state stays, and a fifth
--                        item says how to count the word
-- ARGV[7]  next_offset   where the next page starts; 0 after the last one
-- ARGV[8]  next_in_ms    '' while pages are left; else the next poll comes after this long
-- returns  {'ok', recipients not final} | {'stale', 0}
local id, n = string.match(ARGV[4], '^(.*):(%d+)$')
local message_key = key('message', id, n)
local message, job = load(message_key), load(key('job', id))
if not message or not job or message.polls ~= ARGV[5] then return {'stale', 0} end

local RANK = {p = 0, s = 1, n = 2, u = 3, w = 4, d = 5}
local NAME = {p = 'pending', s = 'sent', n = 'no_report', u = 'undelivered', w = 'withheld', d = 'delivered'}
local LETTER = {pending = 'p', sent = 's', no_report = 'n', undelivered = 'u', withheld = 'w', delivered = 'd'}
local delta, changed, foreign, unknown = {}, {}, 0, {}
local told = {id, job.campaign or '', tonumber(n), message.message_id or ''}
for _, row in ipairs(cjson.decode(ARGV[6])) do
  local k = bucket_key(id, n, tonumber(message.buckets), row[1])
  local old = k and ((changed[k] and changed[k][row[1]]) or redis.call('HGET', k, row[1]))
  if not old then
    foreign = foreign + 1
  else
    local was = old == '' and 'p' or string.sub(old, 1, 1)
    local now = LETTER[row[2]] or was
    -- A word that we do not know says nothing against a final one.
    local is_odd = row[2] == ''
    if is_odd and string.match(old, '^.-|.-|(.*)$') ~= row[4] then
      unknown[row[5]] = (unknown[row[5]] or 0) + 1
    end
    if RANK[now] >= RANK[was] and not (is_odd and RANK[was] > RANK.n) then
      changed[k] = changed[k] or {}
      changed[k][row[1]] = now .. '|' .. row[3] .. '|' .. row[4]
      delta[was] = (delta[was] or 0) - 1
      delta[now] = (delta[now] or 0) + 1
      if now ~= was then tell_recipient(told, row[1], NAME[was], NAME[now], row[4]) end
    end
  end
end
for k, rows in pairs(changed) do
  local flat = {}
  for phone, value in pairs(rows) do
    table.insert(flat, phone)
    table.insert(flat, value)
  end
  hset_all(k, flat)
end
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

redis.call('HSET', message_key, 'poll_offset', ARGV[7])
local left = unfinished(id, n)
-- A message whose id came too late is asked for a few times more, for all its pages.
local late = message.late_polls and ARGV[8] ~= '' and redis.call('HINCRBY', message_key, 'late_polls', -1)
if late == 0 then redis.call('HDEL', message_key, 'late_polls') end
local late_left = tonumber(redis.call('HGET', message_key, 'no_report')) or 0
local is_late = message.late_polls and late ~= 0 and late_left > 0
if left == 0 and not is_late then
  stop_polling(ARGV[4])
  finish_if_final(id, job)
elseif ARGV[8] ~= '' then
  redis.call('ZADD', key('polls'), int(NOW_MS + tonumber(ARGV[8])), ARGV[4])
else
  -- The rest of this poll comes before every other: pages that lie apart in time differ more.
  redis.call('ZADD', key('ready', 'poll'), 0, ARGV[4])
end
return {'ok', left}
