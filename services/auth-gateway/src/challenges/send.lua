-- Replaces the code of a challenge by a new one, for one of its devices. Failed attempts are kept.
-- Also returns the fields that it replaces, so that undo-send.lua can restore them if the new code cannot be delivered.
-- KEYS[1] challenge  KEYS[2] failed attempts of the account
-- ARGV: 1 now (ms)  2 state  3 device  4 resend cooldown (ms)  5 max sends  6 max failed attempts
--       7 code mac  8 verification code  9 code expiry (ms)  10 during a lockout: suppress | refuse
local challenge =
  redis.call('HMGET', KEYS[1], 'flow', 'state', 'devices', 'failures', 'sends', 'sentAt', 'expiresAt', 'sendNumber')
local flow, state, devices, failures, sends, sentAt, expiresAt, sendNumber = unpack(challenge)
local now = tonumber(ARGV[1])

if not flow or (tonumber(expiresAt) or 0) <= now or state ~= ARGV[2] then return { 'missing' } end
if not string.find(failures or '', '^%d+$') or tonumber(failures) >= tonumber(ARGV[6]) then return { 'locked' } end
if not devices or not string.find('\n' .. devices .. '\n', '\n' .. ARGV[3] .. '\n', 1, true) then return { 'unknown_device' } end
if (tonumber(sends) or math.huge) >= tonumber(ARGV[5]) then return { 'exhausted', tonumber(expiresAt) - now } end
local wait = (tonumber(sentAt) or now) + tonumber(ARGV[4]) - now
if tonumber(sends) > 0 and wait > 0 then return { 'cooldown', wait } end
local lockedOutFor = (tonumber(redis.call('HGET', KEYS[2], 'blockedUntil')) or 0) - now
if lockedOutFor > 0 and ARGV[10] == 'refuse' then return { 'locked_out', lockedOutFor } end

-- An undone send does not count, but its number is not used again: the broker may have stored its event, and would
-- drop the next code of the same number as a duplicate.
local number = math.max(tonumber(sends), tonumber(sendNumber) or 0) + 1

local before = redis.call('HMGET', KEYS[1], 'codeMac', 'verificationCode', 'device', 'sends', 'sentAt', 'expiresAt')
redis.call('HSET', KEYS[1], 'codeMac', ARGV[7], 'verificationCode', ARGV[8], 'device', ARGV[3],
  'sends', tonumber(sends) + 1, 'sendNumber', number, 'sentAt', ARGV[1], 'expiresAt', ARGV[9])
redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[9]) - now)
return { lockedOutFor > 0 and 'suppressed' or 'ok', number, redis.call('HGETALL', KEYS[1]), before }
