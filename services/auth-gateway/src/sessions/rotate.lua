-- Replaces the current refresh token of a session by the next one: of parallel refreshes one succeeds.
-- An earlier token was replaced before, so two parties have it: the session ends (RFC 9700 §4.14.2). The result is the
-- same each time, so that a caller whose event was not published can repeat the request.
-- KEYS[1] session  KEYS[2] epoch
-- ARGV: 1 now (ms)  2 session id  3 generation  4 digest  5 next digest  6 requested scope ('' = the session's)
--       7 scopes of the client
local session = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'scope', 'generation', 'digest', 'endsAt')
local state, epoch, scope, generation, digest, endsAt = unpack(session)

if not generation or tonumber(endsAt) <= tonumber(ARGV[1]) then return { 'missing' } end
local distance = tonumber(ARGV[3]) - tonumber(generation)
if distance > 0 then return { 'missing' } end
if distance < 0 or digest ~= ARGV[4] then
  redis.call('HSET', KEYS[1], 'state', 'ended')
  return { 'reused' }
end
if state ~= 'active' then return { 'ended' } end
local current, kept = unpack(redis.call('HMGET', KEYS[2], 'epoch', 'kept'))
if current and tonumber(current) > tonumber(epoch) and kept ~= ARGV[2] then return { 'ended' } end

local granted = ARGV[6] == '' and scope or ARGV[6]
for item in string.gmatch(granted, '[^ ]+') do
  local word = ' ' .. item .. ' '
  if not string.find(' ' .. scope .. ' ', word, 1, true) then return { 'scope' } end
  if not string.find(' ' .. ARGV[7] .. ' ', word, 1, true) then return { 'scope' } end
end

redis.call('HSET', KEYS[1], 'generation', generation + 1, 'digest', ARGV[5])
return { 'rotated', granted, epoch, endsAt }
