-- Adds failed attempts to those of an account. The later end of two lockouts counts, and the longer life.
-- KEYS[1] failed attempts   ARGV: 1 failed attempts  2 end of their lockout (ms; '' = none)  3 their life (ms)
redis.call('HINCRBY', KEYS[1], 'failures', ARGV[1])
local current = tonumber(redis.call('HGET', KEYS[1], 'blockedUntil')) or 0
if (tonumber(ARGV[2]) or 0) > current then redis.call('HSET', KEYS[1], 'blockedUntil', ARGV[2]) end
redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[3])))
return 'ok'
