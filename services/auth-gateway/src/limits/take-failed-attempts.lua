-- Returns and deletes the failed attempts of an account.
-- KEYS[1] failed attempts
local failures, blockedUntil = unpack(redis.call('HMGET', KEYS[1], 'failures', 'blockedUntil'))
local lifeMs = redis.call('PTTL', KEYS[1])
redis.call('DEL', KEYS[1])
return { tonumber(failures) or 0, blockedUntil or '', lifeMs }
