-- Redeems an authorization code: the first attempt spends it, right or wrong. A redeemed code is kept with the session of
-- its token for as long as that token can live, so that a replay can revoke the token (RFC 6749 §4.1.2). The caller
-- authenticates the record.
-- KEYS[1] code
-- ARGV: 1 now (ms)  2 client  3 redirect URI  4 S256 challenge of the verifier ('' = none)  5 1 = PKCE is required
--       6 session of the token to be issued  7 HMAC of that session  8 life of that token (ms)
--       9 other spelling of the redirect URI
local stored = redis.call('HMGET', KEYS[1], 'clientId', 'redirectUri', 'codeChallenge', 'expiresAt', 'sessionId')
local clientId, redirectUri, codeChallenge, expiresAt, sessionId = unpack(stored)
if not clientId then return { 'missing' } end
local record = redis.call('HGETALL', KEYS[1])
if sessionId then return { 'replayed', record } end

local matches = (tonumber(expiresAt) or 0) > tonumber(ARGV[1]) and clientId == ARGV[2]
  and (redirectUri == ARGV[3] or redirectUri == ARGV[9])
  -- Also refuses a verifier for a code that was requested without a challenge (RFC 9700 §4.8.2).
  and codeChallenge == ARGV[4]
local isProtected = ARGV[5] == '0' or codeChallenge ~= ''
if not matches or not isProtected then
  redis.call('DEL', KEYS[1])
  return { isProtected and 'refused' or 'unprotected', record }
end
redis.call('HSET', KEYS[1], 'sessionId', ARGV[6], 'sessionMac', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[8])
return { 'redeemed', record }
