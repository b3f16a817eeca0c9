-- Ends one session, and remembers that for as long as a token of the session may live. Without the digest of its
-- refresh token, setting the state alone does not revive the session.
-- KEYS[1] session  KEYS[2] list of the customer's sessions
-- ARGV: 1 now (ms)  2 end of the revoked token (ms; '' = the session's own end, if the session has a record)
--       3 session id
redis.call('ZREM', KEYS[2], ARGV[3])
local endsAt = tonumber(redis.call('HGET', KEYS[1], 'endsAt')) or 0
local untilAt = math.max(endsAt, tonumber(ARGV[2]) or 0)
if untilAt <= tonumber(ARGV[1]) then return 'missing' end
redis.call('HSET', KEYS[1], 'state', 'ended', 'endsAt', untilAt)
redis.call('HDEL', KEYS[1], 'digest')
redis.call('PEXPIRE', KEYS[1], untilAt - tonumber(ARGV[1]))
return 'ended'
