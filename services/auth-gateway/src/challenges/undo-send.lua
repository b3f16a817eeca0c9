-- Restores the fields that a send replaced, unless a newer code was sent or the challenge was answered since.
-- KEYS[1] challenge
-- ARGV: 1 now (ms)  2 mac of the undelivered code  3.. the fields before: code mac ('' = none), verification code,
--       device, sends, sentAt, expiresAt
if redis.call('HGET', KEYS[1], 'codeMac') ~= ARGV[2] then return 'gone' end
redis.call('HSET', KEYS[1], 'verificationCode', ARGV[4], 'device', ARGV[5], 'sends', ARGV[6], 'sentAt', ARGV[7],
  'expiresAt', ARGV[8])
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], 'codeMac') else redis.call('HSET', KEYS[1], 'codeMac', ARGV[3]) end
redis.call('PEXPIRE', KEYS[1], math.max(1, tonumber(ARGV[8]) - tonumber(ARGV[1])))
return 'ok'
