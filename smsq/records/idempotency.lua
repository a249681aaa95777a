-- idempotency.lua: idempotency keys. Prepended to the scripts that need it.
--
-- A key has no time of its own: it lives as long as what it names. Jobs and campaigns have its digest
-- in their field `key`, gathered jobs in the list keys:<id>, and who takes them away takes their keys
-- along (forget_key in store.lua).
--
-- What ended unsent for certain may be sent again under its key: then the key names the new one, and
-- nothing can bring the earlier one back.

local function hold_key(digest, id, content)
  if digest ~= '' then redis.call('SET', key('key', digest), id .. '|' .. content) end
end

-- Nobody has got what was in the job's request, and nobody will.
local function is_request_unsent(job) return UNSENT[job.state] and not (job.is_proven or job.may_be_out) end

-- A job ended unsent for certain; one of which everybody was withheld is done.
local function is_job_unsent(id, job)
  if job.state ~= 'done' or job.is_proven or job.may_be_out then return is_request_unsent(job) end
  for n = 1, tonumber(job.messages) do
    if not is_withheld(id, n) then return false end
  end
  return true
end

-- Where one send of a gathered job stands, as smsq/status/gathered_sends.py says it, and whether it ended unsent.
local function look_up_send(id, job, ordinal)
  local send = read_send(id, ordinal)
  if not send then return '', false end
  local is_unsent = fate_of(job, gone_after(id, ordinal)) == 'unsent'
  if send.left ~= '' then return send.left, is_unsent end
  local letter = string.sub(recipient_of(id, send) or '', 1, 1)
  if letter == 'w' then return 'done', is_unsent end
  if letter == '' and is_left_out(id, ordinal) then return 'unknown', false end
  if letter == '' then return job.state, is_request_unsent(job) end
  return (letter == 'p' or letter == 's') and job.state or 'done', false
end

-- All of a campaign's jobs ended, and nobody was sent to. Dead ones could be retried: one has to be
-- cancelled first, which looks at each of its jobs.
local function is_campaign_unsent(id, campaign)
  if campaign.is_proven then return false end
  local ended = 0
  for _, state in ipairs({'rejected', 'cancelled', 'expired', 'done'}) do
    ended = ended + (tonumber(campaign['job:' .. state]) or 0)
  end
  for _, state in ipairs({'sent', 'delivered', 'undelivered', 'no_report'}) do
    if (tonumber(campaign['recipient:' .. state]) or 0) > 0 then return false end
  end
  return ended == redis.call('LLEN', key('campaign_jobs', id))
end

-- What a key names: where it stands, and whether it ended unsent. A campaign's state is its hash, which
-- tells more; '' for what is not there any more.
local function find_named(id)
  local campaign = redis.call('HGETALL', key('campaign', id))
  if #campaign > 0 then
    local fields = load(key('campaign', id))
    return {id = id, state = campaign, is_unsent = is_campaign_unsent(id, fields), campaign = fields}
  end
  local job_id, ordinal = read_own_id(id)
  local job = load(key('job', job_id or id))
  if not job then return {id = id, state = '', is_unsent = false} end
  local found = {id = id, job_id = job_id or id, ordinal = ordinal, job = job}
  if job_id then
    found.state, found.is_unsent = look_up_send(job_id, job, ordinal)
  else
    found.state, found.is_unsent = job.state, is_job_unsent(id, job)
  end
  return found
end

-- A dead job that is sent again under its key cannot be retried any more.
local function give_up(found)
  local job, why = found.job, 'its key was used to send again'
  if not job or job.state ~= 'dead' then return end
  if found.ordinal then leave(found.job_id, job, found.ordinal, 'cancelled') end
  if not found.ordinal or count_left(found.job_id, job) == 0 then move(found.job_id, job, 'cancelled', why) end
end

-- A call that a missing right ended half way left a job without a state. Its caller was told to repeat
-- it: that stores the job anew, since nobody works off what was left.
local function is_half_stored(found) return found.job and not found.job.state and not found.job.campaign end

local function forget_half(id, job)
  redis.call('ZREM', key('ready', job.priority), id)
  redis.call('ZREM', key('due'), id)
  unlink_job_from(id, job, '1:0')
end

-- What a call with a key comes to, nil when it is to be stored: {'same', id, state}; {'conflict', ...}
-- with other content; {'refused', ...} for one that wants to be sent again (`is_again`), unless the
-- earlier one ended unsent for certain.
local function answer_repeat(digest, content, is_again)
  local row = digest ~= '' and redis.call('GET', key('key', digest))
  if not row then return nil end
  local id, earlier = string.match(row, '^(.-)|(.*)$')
  local found = find_named(id)
  if is_half_stored(found) then
    forget_half(found.job_id, found.job)
    return nil
  end
  if is_again then
    if not found.is_unsent then return {'refused', id, found.state} end
    give_up(found)
    return nil
  end
  return {content == earlier and 'same' or 'conflict', id, found.state}
end
