-- paging.lua: the pages of one poll, read side by side.
--
-- A poll's first page is read alone: the gateway may know nothing yet. Once it came back full, each
-- claim of a page leaves the message in the line for whoever reads the next, as far as we have
-- recipients. The last page that comes back says how it goes on: from the lowest page that broke off, or
-- from the beginning at the next poll's time.
--
-- A page may be shorter than asked for although recipients are missing: the gateway has not more, or gives
-- no more at a time. So the next page is read alone, too, from where this one ended; two of one
-- length show how many rows the gateway gives, and what follows is read side by side. A page that is
-- shorter than its neighbours leaves a gap: what is behind it is read when the others are back.
--
-- Fields of the message meanwhile, beside poll_offset, the page that is claimed next:
--   poll_number   of this poll: the claims of its pages share it
--   poll_rows     rows of a page
--   poll_out      pages that are claimed and not back
--   poll_stop_ms  no more pages are claimed, and when the message is asked for again; 0: at once
--   poll_from     lowest page that broke off; none: a page came short, which ends the poll
--   poll_gap      where the lowest page ended that was shorter than the others
-- and from poll to poll:
--   poll_cap      rows of the last page that was shorter than asked for
--   poll_gaps     gaps that were read in this poll, and passes from the beginning
--   poll_news     recipients of whom this pass heard first
--   poll_whole    a page of this pass, not its first, ended a list as long as ours
--   heard         recipients of whom any row came
--   poll_mark     of the rows at offset 0: a gateway without offsets gives them again and again
local function forget_pages(message_key)
  redis.call('HDEL', message_key, 'poll_number', 'poll_rows', 'poll_out', 'poll_stop_ms', 'poll_from', 'poll_gap')
end

-- So much earlier than they are, polls that have begun stand in line.
local BEGUN_MS = 1e14

-- The rest of a poll comes before every other: pages that lie apart in time differ more. Polls that
-- have begun take turns.
local function line_up_page(ref)
  redis.call('ZADD', key('ready', 'poll'), int(NOW_MS - BEGUN_MS), ref)
end

-- Takes a message out of the line for its next page. Returns the number of the poll, the offset of the
-- page, and 1 where the page is its poll's first.
local function take_page(ref, message_key, message, size)
  local ready = key('ready', 'poll')
  local has_begun = (tonumber(redis.call('ZSCORE', ready, ref)) or 0) < 0
  redis.call('ZREM', ready, ref)
  local polls = redis.call('HINCRBY', message_key, 'polls', 1)
  local offset = tonumber(message.poll_offset) or 0
  if not message.poll_number then return polls, offset, 1 end
  if not has_begun then
    -- Some page of the poll before never came back, and nobody knows which.
    forget_pages(message_key)
    redis.call('HSET', message_key, 'poll_offset', 0)
    return polls, 0, 1
  end
  local next_offset = offset + tonumber(message.poll_rows)
  redis.call('HSET', message_key, 'poll_offset', int(next_offset))
  redis.call('HINCRBY', message_key, 'poll_out', 1)
  if next_offset < size then line_up_page(ref) end
  return tonumber(message.poll_number), offset, 0
end

-- A gateway may answer every offset with a full page. What follows the first page that lies beyond all
-- of our recipients is left unread, and the message rests as long as it is old.
local LEAST_REST_MS, MOST_REST_MS = 5000, 43200000

local function is_beyond(offset, message)
  local size = 0
  for _, state in ipairs(RECIPIENT_STATES) do size = size + (tonumber(message[state]) or 0) end
  return offset >= size
end

-- A gateway that gives a row at a time, or gaps without end, ends the poll as well.
local MOST_PAGES, MOST_GAPS = 1000, 20

-- Says why a full page is the last one of its poll, nil where it is not.
local function why_last(message_key, message, page)
  if page.mark ~= '' and page.offset == 0 then
    redis.call('HSET', message_key, 'poll_mark', page.mark)
  elseif page.mark ~= '' and page.mark == message.poll_mark then
    return 'pages_repeated'
  end
  if is_beyond(page.offset, message) then return 'pages_beyond' end
  if page.is_capped and page.offset > MOST_PAGES * (page.next_offset - page.offset) then return 'pages_tiny' end
end

-- The first page of a poll, or the next after one that came short, is back. Others can be read beside each
-- other once it is clear how many rows a page has.
local function begin_pages(ref, message_key, message, page)
  local rows = page.next_offset - page.offset
  redis.call('HSET', message_key, 'poll_offset', int(page.next_offset))
  if page.is_capped and tonumber(message.poll_cap) ~= rows then
    redis.call('HSET', message_key, 'poll_cap', int(rows))
  else
    redis.call('HSET', message_key, 'poll_number', message.polls, 'poll_rows', int(rows), 'poll_out', 0)
  end
  line_up_page(ref)
end

-- Notes what a page that is not the last says about the others.
local function note_rows(message_key, message, page)
  local rows, usual = page.next_offset - page.offset, tonumber(message.poll_rows)
  if rows > usual then
    redis.call('HSET', message_key, 'poll_rows', int(rows), 'poll_offset',
      int(math.max(tonumber(message.poll_offset), page.next_offset)))
  elseif rows < usual then
    local gap = math.min(tonumber(message.poll_gap) or page.next_offset, page.next_offset)
    redis.call('HSET', message_key, 'poll_gap', int(gap))
    message.poll_gap = gap
  end
end

-- The gateway knows those who were not withheld.
local function count_sent_to(message)
  local size = 0
  for _, state in ipairs(RECIPIENT_STATES) do
    if state ~= 'withheld' then size = size + (tonumber(message[state]) or 0) end
  end
  return size
end

-- A list as long as ours was read to its end, new recipients came, and others are missing: rows change
-- their places from page to page. Another pass hears of more.
local function has_moving_rows(message, page)
  local size = count_sent_to(message)
  return message.poll_whole and page.news > 0 and page.heard < size
end

-- All pages are back. Returns true when the message rests.
local function end_pages(ref, message_key, message, page, stop_ms, from)
  local gap = tonumber(message.poll_gap)
  if stop_ms then
    if not gap and not from and has_moving_rows(message, page) then gap = 0 end
    redis.call('HDEL', message_key, 'poll_news', 'poll_whole')
    if message.poll_number then forget_pages(message_key) end
    if gap and from then from = math.min(from, gap) end
    if gap and not from and redis.call('HINCRBY', message_key, 'poll_gaps', 1) <= MOST_GAPS then
      from, stop_ms = gap, 0
    else
      redis.call('HDEL', message_key, 'poll_gaps')
    end
    redis.call('HSET', message_key, 'poll_offset', int(from or 0))
  end
  if (stop_ms or 0) == 0 then
    line_up_page(ref)  -- a list that is longer than we know, or one page more in vain, as after a 429
    return false
  end
  redis.call('ZADD', key('polls'), int(stop_ms), ref)
  return true
end

-- A page is back: {offset, next_offset, next_in_ms, is_capped, is_empty, is_last, mark, news, heard}: see
-- poll_page.lua; `news` and `heard` as the fields above. The next starts at
-- `next_offset`: further on after one that is not the last, here again after one that broke off, at 0 after
-- the last. Returns true when the message rests until its next poll.
local function return_page(ref, message_key, message, page, age_ms)
  local offset, next_in_ms = page.offset, page.next_in_ms
  local is_full = page.next_offset > offset
  local why = is_full and why_last(message_key, message, page)
  if why then
    count({}, why, 1)
    is_full, page.next_offset = false, 0
    if next_in_ms == '' then next_in_ms = math.min(MOST_REST_MS, math.max(LEAST_REST_MS, age_ms)) end
  end
  if is_full and not message.poll_number then
    begin_pages(ref, message_key, message, page)
    return false
  end
  if is_full then note_rows(message_key, message, page) end
  local out = message.poll_out and redis.call('HINCRBY', message_key, 'poll_out', -1) or 0
  local stop_ms, from = tonumber(message.poll_stop_ms), tonumber(message.poll_from)
  if not is_full then
    redis.call('ZREM', key('ready', 'poll'), ref)
    local at_ms = next_in_ms == '' and 0 or NOW_MS + tonumber(next_in_ms)
    if page.next_offset == offset and not page.is_empty then
      stop_ms = from and math.max(stop_ms, at_ms) or at_ms
      from = math.min(from or offset, offset)
    else
      stop_ms = stop_ms or at_ms
    end
    if page.is_empty and message.poll_cap then redis.call('HDEL', message_key, 'poll_cap') end
    local is_beyond_us = offset >= count_sent_to(message) and (page.is_empty or why)
    if offset > 0 and (page.is_last or is_beyond_us) then
      redis.call('HSET', message_key, 'poll_whole', 1)
      message.poll_whole = 1
    end
    if out > 0 then redis.call('HSET', message_key, 'poll_stop_ms', int(stop_ms)) end
    if out > 0 and from then redis.call('HSET', message_key, 'poll_from', int(from)) end
  end
  if out > 0 then return false end
  return end_pages(ref, message_key, message, page, stop_ms, from)
end
