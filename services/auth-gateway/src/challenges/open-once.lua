-- Opens the challenge of a second proof, unless it is open or spent: its token is presented at each step.
-- KEYS[1] challenge
-- ARGV: 1 life (ms)  2.. field, value, ...
if redis.call('EXISTS', KEYS[1]) == 1 then return 'kept' end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 'ok'
