-- Trades the current refresh token of a session for the next one: of any number of parallel tries one succeeds.
-- One of an earlier generation was traded before, so two hold it: the session ends (RFC 9700 §4.14.2). It answers the
-- same again, so that whoever must tell of it can try again.
-- KEYS[1] session  KEYS[2] epoch
-- ARGV: 1 now (ms)  2 session id  3 generation  4 digest  5 next digest  6 scope asked for ('' = all that it has)
--       7 scopes that the client may have
local session = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'scope', 'generation', 'digest', 'endsAt')
local state, epoch, scope, generation, digest, endsAt = unpack(session)

if not generation or tonumber(endsAt) <= tonumber(ARGV[1]) then return { 'missing' } end
local ahead = tonumber(ARGV[3]) - tonumber(generation)
if ahead > 0 then return { 'missing' } end
if ahead < 0 or digest ~= ARGV[4] then
  redis.call('HSET', KEYS[1], 'state', 'ended')
  return { 'reused' }
end
if state ~= 'active' then return { 'ended' } end
local current, kept = unpack(redis.call('HMGET', KEYS[2], 'epoch', 'kept'))
if current and tonumber(current) > tonumber(epoch) and kept ~= ARGV[2] then return { 'ended' } end

local given = ARGV[6] == '' and scope or ARGV[6]
for item in string.gmatch(given, '[^ ]+') do
  local word = ' ' .. item .. ' '
  if not string.find(' ' .. scope .. ' ', word, 1, true) then return { 'scope' } end
  if not string.find(' ' .. ARGV[7] .. ' ', word, 1, true) then return { 'scope' } end
end

redis.call('HSET', KEYS[1], 'generation', generation + 1, 'digest', ARGV[5])
return { 'rotated', given, epoch, endsAt }
