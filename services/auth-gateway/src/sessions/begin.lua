-- Begins a session, unless the customer's epoch is higher than that of the sign-in: returns the higher epoch then.
-- Scope, epoch and end are sealed in the refresh token. They are stored for gateways of the version before.
-- KEYS[1] session  KEYS[2] epoch
-- ARGV: 1 epoch of the sign-in  2 scope  3 digest of the refresh token's secret  4 end (ms)  5 life (ms)
local current = redis.call('HGET', KEYS[2], 'epoch')
if current and (tonumber(current) or math.huge) > tonumber(ARGV[1]) then return current end
redis.call('HSET', KEYS[1], 'state', 'active', 'epoch', ARGV[1], 'scope', ARGV[2], 'generation', 1, 'digest', ARGV[3],
  'endsAt', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 'ok'
