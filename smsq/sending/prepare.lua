-- prepare.lua: prepare the next slice of a claimed job that is larger than one call can hand out.
-- needs unprepared.lua
-- needs rules.lua
-- needs cap.lua
-- needs request.lua
--
-- The request begins after the last slice. A claim that ends before that made none: recover.lua.
--
-- ARGV[4]  job id
-- ARGV[5]  claim number
-- ARGV[6], ARGV[7]  see rules.lua
-- returns  {'ok', {{n, message hash flat, phones, their texts}, ...}, 1 when slices are left}
--          {'calendar', week, regions}: write these down first, see rules.lua
--          {'stale'}: the claim has ended, or the job is set aside
local id = ARGV[4]
local job = load(key('job', id))
if not job or job.state ~= 'submitting' or job.claims ~= ARGV[5] or not job.preparing then return {'stale'} end

local function prepare()
  local progress = read_progress(job)
  local parts, question = prepare_slice(id, job, progress)
  if not parts then return question end
  keep_progress(id, progress)
  return {'ok', parts, progress.place and 1 or 0}
end

return guard(prepare, function(text)
  put_aside(job.priority, id, 'cannot be prepared: ' .. text)
  return {'stale'}
end)
