-- Replaces the record of a session, unless the session has ended or another request replaced it.
-- KEYS: the session. ARGV: the sealed record as it was read, the new one. Returns 1 if it was replaced.
if redis.call('HGET', KEYS[1], 'sealed') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'sealed', ARGV[2])
return 1
