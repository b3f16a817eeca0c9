-- Replaces the code of a challenge by a new one for one of its devices. Failures are kept.
-- Answers with what stood there before, so that it can be put back where the new code cannot be handed on.
-- KEYS[1] challenge  KEYS[2] budget
-- ARGV: 1 now (ms)  2 state  3 device  4 cooldown (ms)  5 most sends  6 most failures
--       7 code mac  8 verification code  9 code expiry (ms)  10 where the budget is used up: withhold | refuse
local challenge =
  redis.call('HMGET', KEYS[1], 'flow', 'state', 'devices', 'failures', 'sends', 'sentAt', 'expiresAt', 'sendNumber')
local flow, state, devices, failures, sends, sentAt, expiresAt, sendNumber = unpack(challenge)
local now = tonumber(ARGV[1])

if not flow or tonumber(expiresAt) <= now or state ~= ARGV[2] then return { 'missing' } end
if tonumber(failures) >= tonumber(ARGV[6]) then return { 'locked' } end
if not string.find('\n' .. devices .. '\n', '\n' .. ARGV[3] .. '\n', 1, true) then return { 'unknown_device' } end
if tonumber(sends) >= tonumber(ARGV[5]) then return { 'exhausted', tonumber(expiresAt) - now } end
local wait = tonumber(sentAt) + tonumber(ARGV[4]) - now
if tonumber(sends) > 0 and wait > 0 then return { 'cooldown', wait } end
local blockedFor = tonumber(redis.call('HGET', KEYS[2], 'blockedUntil') or 0) - now
if blockedFor > 0 and ARGV[10] == 'refuse' then return { 'blocked', blockedFor } end

-- One that is put back is not counted, but its number is not given again: the broker may have taken it all the same,
-- and would take another code of that number for it.
local number = math.max(tonumber(sends), tonumber(sendNumber or 0)) + 1

local before = redis.call('HMGET', KEYS[1], 'codeMac', 'verificationCode', 'device', 'sends', 'sentAt', 'expiresAt')
redis.call('HSET', KEYS[1], 'codeMac', ARGV[7], 'verificationCode', ARGV[8], 'device', ARGV[3],
  'sends', tonumber(sends) + 1, 'sendNumber', number, 'sentAt', ARGV[1], 'expiresAt', ARGV[9])
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[9]) - now)
return { blockedFor > 0 and 'withheld' or 'ok', number, redis.call('HGETALL', KEYS[1]), before }
