-- 1 if a refresh token is valid. Changes nothing.
-- KEYS[1] session  KEYS[2] epoch
-- ARGV: 1 now (ms)  2 session id  3 generation  4 digest  5 epoch of the sign-in  6 end (ms)
local state, generation, digest = unpack(redis.call('HMGET', KEYS[1], 'state', 'generation', 'digest'))
if state ~= 'active' or tonumber(ARGV[6]) <= tonumber(ARGV[1]) then return 0 end
if generation ~= ARGV[3] or digest ~= ARGV[4] then return 0 end
local current, kept = unpack(redis.call('HMGET', KEYS[2], 'epoch', 'kept'))
if current and (tonumber(current) or math.huge) > tonumber(ARGV[5]) and kept ~= ARGV[2] then return 0 end
return 1
