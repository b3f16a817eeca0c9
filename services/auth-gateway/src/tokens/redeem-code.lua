-- Redeems an authorization code: the first attempt spends it, right or wrong. A redeemed code keeps the session of its
-- token for as long as that token can live, so that a replay can revoke the token (RFC 6749 §4.1.2).
-- KEYS[1] code
-- ARGV: 1 now (ms)  2 client  3 redirect URI  4 S256 challenge of the verifier ('' = none)  5 1 = PKCE is required
--       6 session of the token to be issued  7 life of that token (ms)  8 other spelling of the redirect URI
local stored = redis.call('HMGET', KEYS[1], 'clientId', 'redirectUri', 'codeChallenge', 'subject', 'expiresAt', 'sessionId')
local clientId, redirectUri, codeChallenge, subject, expiresAt, sessionId = unpack(stored)
if not clientId then return { 'missing' } end
if sessionId then return { 'replayed', subject, sessionId, clientId } end

local matches = tonumber(expiresAt) > tonumber(ARGV[1]) and clientId == ARGV[2]
  and (redirectUri == ARGV[3] or redirectUri == ARGV[8])
  -- Also refuses a verifier for a code that was requested without a challenge (RFC 9700 §4.8.2).
  and codeChallenge == ARGV[4]
local record = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1])
if ARGV[5] == '1' and codeChallenge == '' then return { 'unprotected' } end
if not matches then return { 'refused' } end
redis.call('HSET', KEYS[1], 'clientId', clientId, 'subject', subject, 'sessionId', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[7])
return { 'redeemed', record }
