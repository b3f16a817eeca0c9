-- Ends an attempt that answer.lua counted before the password-service verified its code. One step: of parallel right codes
-- one spends the challenge.
-- KEYS[1] challenge  KEYS[2] failed attempts of the account
-- ARGV: 1 right (spend the challenge, reset the failed attempts) | undo (the code was not verified: the attempt does not
--       count)  2 how long a spent challenge is kept (ms; '' = not)  3 1 = the attempt began a lockout
--       4 failed attempts per lockout
if not redis.call('HGET', KEYS[1], 'flow') then return 'missing' end
if ARGV[1] == 'right' then
  redis.call('DEL', KEYS[1], KEYS[2])
  if ARGV[2] ~= '' then
    redis.call('HSET', KEYS[1], 'spent', 1)
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  end
  return 'ok'
end
redis.call('HINCRBY', KEYS[1], 'failures', -1)
if redis.call('EXISTS', KEYS[2]) == 1 then
  local total = redis.call('HINCRBY', KEYS[2], 'failures', -1)
  -- Another attempt may have failed since: then the lockout is its own.
  if ARGV[3] == '1' and total % tonumber(ARGV[4]) == tonumber(ARGV[4]) - 1 then redis.call('HDEL', KEYS[2], 'blockedUntil') end
end
return 'ok'
