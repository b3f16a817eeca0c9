-- 1 if a session has ended: by itself, or because it began before all of the customer's sessions were ended and is not
-- the kept one.
-- KEYS[1] session  KEYS[2] epoch
-- ARGV: 1 session id  2 epoch of the sign-in ('' = not a customer's session)
if redis.call('HGET', KEYS[1], 'state') == 'ended' then return 1 end
if ARGV[2] == '' then return 0 end
local current, kept = unpack(redis.call('HMGET', KEYS[2], 'epoch', 'kept'))
if current and (tonumber(current) or math.huge) > tonumber(ARGV[2]) and kept ~= ARGV[1] then return 1 end
return 0
