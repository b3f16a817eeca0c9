-- Opens a challenge. During a lockout of the account a restore opens as well, because the caller must not see a
-- difference, but its code is neither sent nor accepted; any other challenge is refused.
-- KEYS[1] challenge  KEYS[2] failed attempts
-- ARGV: 1 now (ms)  2 life (ms)  3 during a lockout: suppress | refuse  4.. field, value, ...
local lockedOutFor = (tonumber(redis.call('HGET', KEYS[2], 'blockedUntil')) or 0) - tonumber(ARGV[1])
if lockedOutFor > 0 and ARGV[3] == 'refuse' then return { 'locked_out', lockedOutFor } end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { lockedOutFor > 0 and 'suppressed' or 'ok', lockedOutFor }
