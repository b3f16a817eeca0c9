-- Uses a session of the console: extends its idle time, or deletes it if that has passed.
-- KEYS: the session. ARGV: now, idle time. Times in ms.
-- Returns the sealed record; false if there is no session.
local sealed, usedAt = unpack(redis.call('HMGET', KEYS[1], 'sealed', 'usedAt'))
if not sealed then return false end
if tonumber(ARGV[1]) - (tonumber(usedAt) or 0) > tonumber(ARGV[2]) then
  redis.call('DEL', KEYS[1])
  return false
end
redis.call('HSET', KEYS[1], 'usedAt', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return sealed
