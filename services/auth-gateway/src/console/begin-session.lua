-- Begins a session of the console.
-- KEYS: the session. ARGV: the sealed record, now, idle time. Times in ms.
redis.call('HSET', KEYS[1], 'sealed', ARGV[1], 'usedAt', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
