-- Compares a code, counts a failure, spends the challenge at success: one step, so that of any number of parallel
-- answers at most one succeeds and at most five are compared.
-- What is compared are two HMACs under a key that Redis does not hold. Who guesses cannot choose their bytes, so the
-- time that the comparison takes tells nothing of the code.
-- KEYS[1] challenge
-- ARGV: 1 now (ms)  2 code mac  3 most failures  4 flows, comma-separated  5 client  6 state  7 scope ('' = not sent)
local challenge = redis.call('HMGET', KEYS[1], 'flow', 'clientId', 'state', 'scope', 'codeMac', 'failures', 'expiresAt')
local flow, clientId, state, scope, codeMac, failures, expiresAt = unpack(challenge)

if not flow or tonumber(expiresAt) <= tonumber(ARGV[1]) then return { 'missing' } end
if not string.find(',' .. ARGV[4] .. ',', ',' .. flow .. ',', 1, true) then return { 'missing' } end
if ARGV[5] ~= '' and ARGV[5] ~= clientId then return { 'missing' } end
if ARGV[6] ~= '' and ARGV[6] ~= state then return { 'missing' } end
if ARGV[7] ~= '' and ARGV[7] ~= scope then return { 'missing' } end
if tonumber(failures) >= tonumber(ARGV[3]) then return { 'locked' } end
if not codeMac then return { 'missing' } end

if codeMac ~= ARGV[2] then
  return { 'wrong', redis.call('HINCRBY', KEYS[1], 'failures', 1), redis.call('HGETALL', KEYS[1]) }
end
local record = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1])
return { 'ok', 0, record }
