-- rights.lua: refuse before anything is written where Redis' user may not use all that a script may need.
--
-- Redis looks at rights command by command and keeps what a script wrote before it met the one that is
-- missing. Prepended to all by smsq/store/scripts.py, with their COMMANDS. Redis before 7 cannot say.
if redis.acl_check_cmd then
  local k = ARGV[1] .. ':limiter'
  for _, command in ipairs(COMMANDS) do
    local is_known, may = pcall(redis.acl_check_cmd, command, k, k)
    if not (is_known and may) then return redis.error_reply('NOPERM the user may not use ' .. command .. ' on keys of ' .. ARGV[1]) end
  end
end
