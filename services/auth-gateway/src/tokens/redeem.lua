-- Takes an authorization code: used up by the first asking, right or wrong. Of one that gave a token it is remembered
-- which, for as long as that token can live, so that a replay can take it back (RFC 6749 §4.1.2).
-- KEYS[1] code
-- ARGV: 1 now (ms)  2 client  3 redirect URI  4 S256 challenge of the verifier ('' = none)  5 1 = PKCE is a must
--       6 session that the token will belong to  7 how long to remember (ms)
local kept = redis.call('HMGET', KEYS[1], 'clientId', 'redirectUri', 'codeChallenge', 'subject', 'expiresAt', 'sessionId')
local clientId, redirectUri, codeChallenge, subject, expiresAt, sessionId = unpack(kept)
if not clientId then return { 'missing' } end
if sessionId then return { 'replayed', subject, sessionId, clientId } end

local fits = tonumber(expiresAt) > tonumber(ARGV[1]) and clientId == ARGV[2] and redirectUri == ARGV[3]
  -- Equal also means: no verifier for a code that was asked for without a challenge (RFC 9700 §4.8.2).
  and codeChallenge == ARGV[4]
local record = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1])
if ARGV[5] == '1' and codeChallenge == '' then return { 'unprotected' } end
if not fits then return { 'refused' } end
redis.call('HSET', KEYS[1], 'clientId', clientId, 'subject', subject, 'sessionId', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[7])
return { 'redeemed', record }
