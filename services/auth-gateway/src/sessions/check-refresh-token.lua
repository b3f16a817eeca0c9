-- Reads the scope and the end of a refresh token's session; empty if the token is not valid. Changes nothing.
-- KEYS[1] session  KEYS[2] epoch
-- ARGV: 1 now (ms)  2 session id  3 generation  4 digest
local session = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'scope', 'generation', 'digest', 'endsAt')
local state, epoch, scope, generation, digest, endsAt = unpack(session)
if state ~= 'active' or tonumber(endsAt) <= tonumber(ARGV[1]) then return {} end
if generation ~= ARGV[3] or digest ~= ARGV[4] then return {} end
local current, kept = unpack(redis.call('HMGET', KEYS[2], 'epoch', 'kept'))
if current and tonumber(current) > tonumber(epoch) and kept ~= ARGV[2] then return {} end
return { scope, endsAt }
