-- Claims a step of a sequence of pages for one press of a button. Of equal presses one runs; none runs beside another.
-- KEYS[1] state
-- ARGV: 1 now (ms)  2 digest of the press  3 id of this claim  4 how long the claim lasts (ms)
local sealed, busyUntil, presses = unpack(redis.call('HMGET', KEYS[1], 'sealed', 'busyUntil', 'presses'))
local now = tonumber(ARGV[1])
if presses and string.find(',' .. presses .. ',', ',' .. ARGV[2] .. ',', 1, true) then
  return { 'seen', sealed or '' }
end
if (tonumber(busyUntil) or 0) > now then return { 'busy', '' } end
redis.call('HSET', KEYS[1], 'busy', ARGV[3], 'busyUntil', string.format('%.0f', now + tonumber(ARGV[4])))
-- The first step has no state yet: its record must not outlive it.
if not sealed then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return { 'run', sealed or '' }
