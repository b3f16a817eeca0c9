-- Compares a code, counts a failed attempt, spends the challenge on success. One step: of parallel answers at most one
-- succeeds, at most five are compared for a challenge, and none during a lockout of the account.
-- It compares two HMACs under a key that Redis does not have. A guesser cannot choose their bytes, so the duration of
-- the comparison reveals nothing about the code.
-- KEYS[1] challenge  KEYS[2] failed attempts of the account since its last right code, over all challenges
-- ARGV: 1 now (ms)  2 code mac under each key, comma-separated  3 max failed attempts of a challenge
--       4 flows, comma-separated  5 client  6 state  7 scope ('' = not submitted)
--       8 failed attempts per lockout  9 first lockout (ms)  10 longest lockout (ms)  11 life of failed attempts (ms)
--       12 failed attempts that make the lockout permanent ('' = none)  13 life of a permanent lockout (ms)
--       14 1 = the answer is an authorization code  15 S256 challenge ('' = none)  16 1 = PKCE is required
--       17 redirect URI ('' = not submitted)  18 its other spelling
--       19 challenge type of an enrolled method, whose code the password-service verifies ('' = the code of a message)
--       20 how long a spent challenge is kept (ms; '' = not): its token would open it again
local challenge = redis.call('HMGET', KEYS[1], 'flow', 'clientId', 'state', 'scope', 'codeMac', 'failures', 'expiresAt',
  'codeChallenge', 'redirectUri', 'requestedScope', 'devices')
local flow, clientId, state, scope, codeMac, failures, expiresAt, codeChallenge, redirectUri, requestedScope, devices =
  unpack(challenge)
local now = tonumber(ARGV[1])

-- The caller authenticates the fields that no step changes. Others are counters and times: if one is no number, Redis did
-- not get it from the gateway.
if not flow or (tonumber(expiresAt) or 0) <= now then return { 'missing' } end
if not string.find(',' .. ARGV[4] .. ',', ',' .. flow .. ',', 1, true) then return { 'missing' } end
if ARGV[5] ~= '' and ARGV[5] ~= clientId then return { 'missing' } end
if ARGV[6] ~= '' and ARGV[6] ~= state then return { 'missing' } end
if not string.find(failures or '', '^%d+$') or tonumber(failures) >= tonumber(ARGV[3]) then return { 'locked' } end
-- A second proof costs an attempt although no code was sent.
if not codeMac and ARGV[19] == '' and ARGV[20] == '' then return { 'missing' } end
if ARGV[7] ~= '' and ARGV[7] ~= scope and ARGV[7] ~= requestedScope then return { 'scope' } end
if ARGV[14] == '1' then
  local requested = codeChallenge or ''
  if ARGV[15] == '' and ARGV[16] == '1' and requested == '' then return { 'no_code_challenge' } end
  if ARGV[15] ~= '' and requested ~= '' and ARGV[15] ~= requested then return { 'other_code_challenge' } end
  if ARGV[17] ~= '' and ARGV[17] ~= redirectUri and ARGV[18] ~= redirectUri then return { 'other_redirect_uri' } end
end

-- Counts one failed attempt of the account. Returns how long the lockout is that it begins: 0 none, -1 permanent. Each
-- further lockout is twice as long.
local function countFailedAttempt()
  local total = redis.call('HINCRBY', KEYS[2], 'failures', 1)
  local permanentAfter = tonumber(ARGV[12])
  local isPermanent = permanentAfter and total >= permanentAfter
  local life = tonumber(isPermanent and ARGV[13] or ARGV[11])
  local lockedOutFor = 0
  if isPermanent then lockedOutFor = life
  elseif total % tonumber(ARGV[8]) == 0 then
    local lockouts = total / tonumber(ARGV[8])
    lockedOutFor = math.min(tonumber(ARGV[9]) * 2 ^ (lockouts - 1), tonumber(ARGV[10]))
  end
  if lockedOutFor > 0 then redis.call('HSET', KEYS[2], 'blockedUntil', string.format('%.0f', now + lockedOutFor)) end
  redis.call('PEXPIRE', KEYS[2], life)
  return isPermanent and -1 or lockedOutFor
end

-- During a lockout codes are not compared, and so do not count as failed attempts of the account.
local isLockedOut = (tonumber(redis.call('HGET', KEYS[2], 'blockedUntil')) or 0) > now
local isRight = ARGV[19] == '' and codeMac and string.find(',' .. ARGV[2] .. ',', ',' .. codeMac .. ',', 1, true)
-- Counted before its code is verified elsewhere: of parallel guesses no more are verified than may fail. settle.lua
-- returns it.
local isHeld = ARGV[19] ~= '' and string.find('\n' .. (devices or '') .. '\n', '\n' .. ARGV[19] .. '\n', 1, true)
if isLockedOut or not isRight then
  local attempt = redis.call('HINCRBY', KEYS[1], 'failures', 1)
  local lockedOutFor = isLockedOut and 0 or countFailedAttempt()
  local result = isLockedOut and 'locked_out' or isHeld and 'held' or 'wrong'
  return { result, attempt, redis.call('HGETALL', KEYS[1]), lockedOutFor }
end
local record = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2])
if ARGV[20] ~= '' then
  redis.call('HSET', KEYS[1], 'spent', 1)
  redis.call('PEXPIRE', KEYS[1], ARGV[20])
end
return { 'ok', 0, record }
