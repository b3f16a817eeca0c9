-- Compares a code, counts a failure, spends the challenge at success: one step, so that of any number of parallel
-- answers at most one succeeds, at most five are compared for a challenge, and no more for an account than its budget.
-- What is compared are two HMACs under a key that Redis does not hold. Who guesses cannot choose their bytes, so the
-- time that the comparison takes tells nothing of the code.
-- KEYS[1] challenge  KEYS[2] budget: wrong codes since the last right one, over all challenges of an account
-- ARGV: 1 now (ms)  2 code mac  3 most failures  4 flows, comma-separated  5 client  6 state  7 scope ('' = not sent)
--       8 failures that block  9 first block (ms)  10 longest block (ms)  11 how long failures are remembered (ms)
--       12 failures after which only people lift it ('' = none)  13 how long that is remembered (ms)
local challenge = redis.call('HMGET', KEYS[1], 'flow', 'clientId', 'state', 'scope', 'codeMac', 'failures', 'expiresAt')
local flow, clientId, state, scope, codeMac, failures, expiresAt = unpack(challenge)
local now = tonumber(ARGV[1])

if not flow or tonumber(expiresAt) <= now then return { 'missing' } end
if not string.find(',' .. ARGV[4] .. ',', ',' .. flow .. ',', 1, true) then return { 'missing' } end
if ARGV[5] ~= '' and ARGV[5] ~= clientId then return { 'missing' } end
if ARGV[6] ~= '' and ARGV[6] ~= state then return { 'missing' } end
if ARGV[7] ~= '' and ARGV[7] ~= scope then return { 'missing' } end
if tonumber(failures) >= tonumber(ARGV[3]) then return { 'locked' } end
if not codeMac then return { 'missing' } end

-- Each time that the failures that block are reached again the block is twice as long.
local function spendBudget()
  local spent = redis.call('HINCRBY', KEYS[2], 'failures', 1)
  local last = tonumber(ARGV[12])
  local isLast = last and spent >= last
  local memory = tonumber(isLast and ARGV[13] or ARGV[11])
  local blockedFor = 0
  if isLast then blockedFor = memory
  elseif spent % tonumber(ARGV[8]) == 0 then
    local times = spent / tonumber(ARGV[8])
    blockedFor = math.min(tonumber(ARGV[9]) * 2 ^ (times - 1), tonumber(ARGV[10]))
  end
  if blockedFor > 0 then redis.call('HSET', KEYS[2], 'blockedUntil', string.format('%.0f', now + blockedFor)) end
  redis.call('PEXPIRE', KEYS[2], memory)
  return isLast and -1 or blockedFor
end

-- While the account is blocked nothing is compared, and so nothing is spent of its budget.
local isBlocked = tonumber(redis.call('HGET', KEYS[2], 'blockedUntil') or 0) > now
if isBlocked or codeMac ~= ARGV[2] then
  local attempt = redis.call('HINCRBY', KEYS[1], 'failures', 1)
  local blockedFor = isBlocked and 0 or spendBudget()
  return { isBlocked and 'blocked' or 'wrong', attempt, redis.call('HGETALL', KEYS[1]), blockedFor }
end
local record = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2])
return { 'ok', 0, record }
