-- Gives a claim up after a failure: the press may be repeated.
-- KEYS[1] state   ARGV[1] id of the claim
if redis.call('HGET', KEYS[1], 'busy') ~= ARGV[1] then return 'lost' end
redis.call('HDEL', KEYS[1], 'busy', 'busyUntil')
return 'ok'
