-- Whether a session is over: ended by itself, or begun before all of the customer's were ended and not the kept one.
-- KEYS[1] session  KEYS[2] epoch
-- ARGV: 1 session id  2 epoch of the sign-in ('' = not a customer's)
if redis.call('HGET', KEYS[1], 'state') == 'ended' then return 1 end
if ARGV[2] == '' then return 0 end
local current, kept = unpack(redis.call('HMGET', KEYS[2], 'epoch', 'kept'))
if current and tonumber(current) > tonumber(ARGV[2]) and kept ~= ARGV[1] then return 1 end
return 0
