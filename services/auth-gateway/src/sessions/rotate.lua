-- Replaces the current refresh token of a session by the next one: of parallel refreshes one succeeds.
-- An earlier token was replaced before, so two parties have it: the session ends (RFC 9700 §4.14.2). The result is the
-- same each time, so that a caller whose event was not published can repeat the request.
-- The end of a session overwrites the digest, so that setting the state alone does not revive it.
-- A session of the version before is listed from its first refresh on.
-- KEYS[1] session  KEYS[2] epoch  KEYS[3] list of the customer's sessions
-- ARGV: 1 now (ms)  2 session id  3 generation  4 digest  5 next digest  6 epoch of the sign-in  7 end (ms)
--       8 1 = the requested scope is allowed  9 sealed listing  10 most sessions of a list
local state, generation, digest = unpack(redis.call('HMGET', KEYS[1], 'state', 'generation', 'digest'))

if not generation or tonumber(ARGV[7]) <= tonumber(ARGV[1]) then return 'missing' end
local distance = tonumber(ARGV[3]) - (tonumber(generation) or 0)
if distance > 0 then return 'missing' end
if distance == 0 and not digest then return 'ended' end
if distance < 0 or digest ~= ARGV[4] then
  redis.call('HSET', KEYS[1], 'state', 'ended', 'digest', '')
  redis.call('ZREM', KEYS[3], ARGV[2])
  return 'reused'
end
if state ~= 'active' then return 'ended' end
local current, kept = unpack(redis.call('HMGET', KEYS[2], 'epoch', 'kept'))
if current and (tonumber(current) or math.huge) > tonumber(ARGV[6]) and kept ~= ARGV[2] then return 'ended' end
if ARGV[8] ~= '1' then return 'scope' end

redis.call('HSET', KEYS[1], 'generation', ARGV[3] + 1, 'digest', ARGV[5], 'listing', ARGV[9])
redis.call('ZADD', KEYS[3], ARGV[7], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -(tonumber(ARGV[10]) + 1))
local last = redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')
if last[2] then redis.call('PEXPIRE', KEYS[3], math.max(1, tonumber(last[2]) - tonumber(ARGV[1]))) end
return 'rotated'
