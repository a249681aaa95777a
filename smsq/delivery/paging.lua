-- paging.lua: the pages of one poll, read side by side.
--
-- A poll's first page is read alone: the gateway may know nothing yet. Once it came back full, each
-- claim of a page leaves the message in the line for whoever reads the next, as far as we have
-- recipients. The last page that comes back says how it goes on: from the lowest page that broke off, or
-- from the beginning at the next poll's time.
--
-- Fields of the message meanwhile, beside poll_offset, the page that is claimed next:
--   poll_number   of this poll: the claims of its pages share it
--   poll_rows     rows of a page
--   poll_out      pages that are claimed and not back
--   poll_stop_ms  no more pages are claimed, and when the message is asked for again; 0: at once
--   poll_from     lowest page that broke off; none: a page came short, which ends the poll
local function forget_pages(message_key)
  redis.call('HDEL', message_key, 'poll_number', 'poll_rows', 'poll_out', 'poll_stop_ms', 'poll_from')
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

-- A page is back, and the next starts at `next_offset`: further on after a full page, here again after
-- one that broke off, at 0 after a short one. Returns true when the message rests until its next poll.
local function return_page(ref, message_key, message, offset, next_offset, next_in_ms, age_ms)
  local is_full = next_offset > offset
  if is_full and is_beyond(offset, message) then
    count({}, 'pages_beyond', 1)
    is_full, next_offset = false, 0
    if next_in_ms == '' then next_in_ms = math.min(MOST_REST_MS, math.max(LEAST_REST_MS, age_ms)) end
  end
  if is_full and not message.poll_number then
    redis.call('HSET', message_key, 'poll_offset', int(next_offset), 'poll_number', message.polls,
      'poll_rows', int(next_offset - offset), 'poll_out', 0)
    line_up_page(ref)
    return false
  end
  local out = message.poll_out and redis.call('HINCRBY', message_key, 'poll_out', -1) or 0
  local stop_ms, from = tonumber(message.poll_stop_ms), tonumber(message.poll_from)
  if not is_full then
    redis.call('ZREM', key('ready', 'poll'), ref)
    local at_ms = next_in_ms == '' and 0 or NOW_MS + tonumber(next_in_ms)
    if next_offset == offset then
      stop_ms = from and math.max(stop_ms, at_ms) or at_ms
      from = math.min(from or offset, offset)
    else
      stop_ms = stop_ms or at_ms
    end
    if out > 0 then redis.call('HSET', message_key, 'poll_stop_ms', int(stop_ms)) end
    if out > 0 and from then redis.call('HSET', message_key, 'poll_from', int(from)) end
  end
  if out > 0 then return false end

  if stop_ms then
    if message.poll_number then forget_pages(message_key) end
    redis.call('HSET', message_key, 'poll_offset', int(from or 0))
  end
  if (stop_ms or 0) == 0 then
    line_up_page(ref)  -- a list that is longer than we know, or one page more in vain, as after a 429
    return false
  end
  redis.call('ZADD', key('polls'), int(stop_ms), ref)
  return true
end
