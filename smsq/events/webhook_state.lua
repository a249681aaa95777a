-- webhook_state.lua: how the webhook's receiver is, for the scripts of its deliveries.
--
-- Fields of the hash `webhook`:
--   last_id, look_at_ms          how far the stream was read, and when to look again
--   failures                     posts that failed, since one was taken
--   up_since_ms                  when the first post after an outage was taken
--   closed_until_ms              the receiver asked to be left alone until then (Retry-After)
--   most_events, most_until_ms   it takes no larger posts (413); tried anew after that
--   ended, ended_at_ms           it wants no posts at all (410): digest of its address, and since when
--
-- A receiver is a digest of its address: another address is another receiver.

-- Longer than any stream: who comes back after it lost nothing, and does not begin anew.
local STATE_KEEP_MS = 90 * 24 * 3600 * 1000

local function keep_state() redis.call('PEXPIRE', key('webhook'), STATE_KEEP_MS) end

local function has_ended(state, receiver) return state.ended ~= nil and state.ended == receiver end
