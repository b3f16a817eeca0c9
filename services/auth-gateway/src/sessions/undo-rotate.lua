-- Restores a refresh token whose successor was not delivered, unless the session has ended or the token was replaced
-- again.
-- KEYS[1] session
-- ARGV: 1 generation  2 digest  3 digest of the successor
local state, digest = unpack(redis.call('HMGET', KEYS[1], 'state', 'digest'))
if state ~= 'active' or digest ~= ARGV[3] then return 'gone' end
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'digest', ARGV[2])
return 'ok'
