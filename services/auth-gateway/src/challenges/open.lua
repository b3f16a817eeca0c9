-- Opens a challenge. Where wrong codes have used up the account's budget: a restore opens all the same, since nobody may
-- see the difference, and no code of it will be sent or taken; anything else does not open.
-- KEYS[1] challenge  KEYS[2] budget
-- ARGV: 1 now (ms)  2 life (ms)  3 withhold | refuse  4.. field, value, ...
local blockedFor = tonumber(redis.call('HGET', KEYS[2], 'blockedUntil') or 0) - tonumber(ARGV[1])
if blockedFor > 0 and ARGV[3] == 'refuse' then return { 'blocked', blockedFor } end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { blockedFor > 0 and 'withheld' or 'ok', blockedFor }
