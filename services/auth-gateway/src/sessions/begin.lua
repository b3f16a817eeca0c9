-- Begins a session, unless the customer's epoch is higher than that of the sign-in: returns the higher epoch then.
-- Scope, epoch and end are sealed in the refresh token. They are stored for gateways of the version before.
-- The list keeps the sessions that end last. One that is not listed any more goes on.
-- KEYS[1] session  KEYS[2] epoch  KEYS[3] list of the customer's sessions
-- ARGV: 1 epoch of the sign-in  2 scope  3 digest of the refresh token's secret  4 end (ms)  5 life (ms)  6 session id
--       7 sealed listing  8 end of its last token (ms)  9 now (ms)  10 most sessions of a list
local current = redis.call('HGET', KEYS[2], 'epoch')
if current and (tonumber(current) or math.huge) > tonumber(ARGV[1]) then return current end
redis.call('HSET', KEYS[1], 'state', 'active', 'epoch', ARGV[1], 'scope', ARGV[2], 'generation', 1, 'digest', ARGV[3],
  'endsAt', ARGV[4], 'listing', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[5])

redis.call('ZADD', KEYS[3], ARGV[8], ARGV[6])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[9])
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -(tonumber(ARGV[10]) + 1))
local last = redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')
if last[2] then redis.call('PEXPIRE', KEYS[3], math.max(1, tonumber(last[2]) - tonumber(ARGV[9]))) end
return 'ok'
