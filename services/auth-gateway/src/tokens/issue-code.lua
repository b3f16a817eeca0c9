-- Stores an authorization code.
-- KEYS[1] code   ARGV[1] life in ms   ARGV[2..] field, value, ...
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 'ok'
