-- audit.lua: writes down who did what. Prepended to the scripts that need it.
--
-- The stream `audit` has an entry for each act: by, act, target, detail; prev, the head that it follows
-- ('' for the first); and hash, the digest of all that and of its id, each with its length before it.
-- Its id is <ms>-<number>, counted from 1. The string `audit_head` is <id>:<hash> of the newest, and the
-- next one begins with it: so an entry that was removed, changed, moved or put in between shows
-- (chain.py).

-- As in chain.py.
local AUDIT_KEEP_MS = 31622400000

local function frame(text) return #text .. ':' .. text end

-- Whoever calls it changes what it does to in the same call.
local function record_act(by, act, target, detail)
  local prev = redis.call('GET', key('audit_head')) or ''
  local newest = redis.call('XREVRANGE', key('audit'), '+', '-', 'COUNT', 1)[1]
  local at_ms, number = NOW_MS, 0
  -- Where somebody has tampered with the one, the other goes on: acts must not fail for that.
  for _, head in ipairs({prev, newest and newest[1] or ''}) do
    local head_ms, n = string.match(head, '^(%d+)%-(%d+)')
    at_ms, number = math.max(at_ms, tonumber(head_ms) or 0), math.max(number, tonumber(n) or 0)
  end
  local id = int(at_ms) .. '-' .. int(number + 1)
  local framed = frame(prev) .. frame(id) .. frame(by) .. frame(act) .. frame(target) .. frame(detail)
  local hash = digest_of(framed)
  redis.call('XADD', key('audit'), 'MINID', '=', int(NOW_MS - AUDIT_KEEP_MS), id,
    'by', by, 'act', act, 'target', target, 'detail', detail, 'prev', prev, 'hash', hash)
  -- A day later than due: Redis counts in its own time, and not in the ledger's.
  redis.call('PEXPIRE', key('audit'), int(AUDIT_KEEP_MS + 86400000))
  redis.call('SET', key('audit_head'), id .. ':' .. hash)
end
