-- Ends all sessions of a customer except the kept one. Only raises the epoch: events may come twice, or out of order.
-- KEYS[1] epoch
-- ARGV: 1 new epoch  2 kept session ('' = none)  3 life (ms)
local current = redis.call('HGET', KEYS[1], 'epoch')
if current and (tonumber(current) or -1) >= tonumber(ARGV[1]) then return 'older' end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'kept', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 'ok'
