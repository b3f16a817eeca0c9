-- Replaces the current refresh token of a session by the next one: of parallel refreshes one succeeds.
-- An earlier token was replaced before, so two parties have it: the session ends (RFC 9700 §4.14.2). The result is the
-- same each time, so that a caller whose event was not published can repeat the request.
-- The end of a session overwrites the digest, so that setting the state alone does not revive it.
-- KEYS[1] session  KEYS[2] epoch
-- ARGV: 1 now (ms)  2 session id  3 generation  4 digest  5 next digest  6 epoch of the sign-in  7 end (ms)
--       8 1 = the requested scope is allowed
local state, generation, digest = unpack(redis.call('HMGET', KEYS[1], 'state', 'generation', 'digest'))

if not generation or tonumber(ARGV[7]) <= tonumber(ARGV[1]) then return 'missing' end
local distance = tonumber(ARGV[3]) - (tonumber(generation) or 0)
if distance > 0 then return 'missing' end
if distance == 0 and not digest then return 'ended' end
if distance < 0 or digest ~= ARGV[4] then
  redis.call('HSET', KEYS[1], 'state', 'ended', 'digest', '')
  return 'reused'
end
if state ~= 'active' then return 'ended' end
local current, kept = unpack(redis.call('HMGET', KEYS[2], 'epoch', 'kept'))
if current and (tonumber(current) or math.huge) > tonumber(ARGV[6]) and kept ~= ARGV[2] then return 'ended' end
if ARGV[8] ~= '1' then return 'scope' end

redis.call('HSET', KEYS[1], 'generation', ARGV[3] + 1, 'digest', ARGV[5])
return 'rotated'
