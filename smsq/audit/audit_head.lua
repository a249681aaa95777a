-- audit_head.lua: say where the audit trail ends, all at one moment.
-- begins no clock
--
-- returns  {now_ms, its head or '', the id of its newest entry or ''}
local newest = redis.call('XREVRANGE', key('audit'), '+', '-', 'COUNT', 1)[1]
return {int(NOW_MS), redis.call('GET', key('audit_head')) or '', newest and newest[1] or ''}
