-- Stores the state after a step, unless another press claimed the sequence since: this one took too long.
-- KEYS[1] state
-- ARGV: 1 id of the claim  2 encrypted state  3 digest of the press  4 life (ms)
local busy, presses = unpack(redis.call('HMGET', KEYS[1], 'busy', 'presses'))
if busy ~= ARGV[1] then return 'lost' end
redis.call('HDEL', KEYS[1], 'busy', 'busyUntil')
redis.call('HSET', KEYS[1], 'sealed', ARGV[2], 'presses', presses and (presses .. ',' .. ARGV[3]) or ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 'ok'
