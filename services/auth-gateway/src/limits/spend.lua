-- Spends one of each quota, or of none if a refusing quota is used up.
-- The window slides in slices: a slice counts until its last request has left the window, so no window of that length
-- ever contains more than the quota, and no wait is longer than the window.
-- KEYS: 1 exists if the account signed in from the caller's network  2 id of the last reopening of its sign-in
--   then one hash a quota: slice -> spent; -slice -> time of its last request (ms); 'told' -> the slice in which its
--   exhaustion was last reported; 'reopening' -> the last reopening that emptied it
-- ARGV: 1 now (ms)  then for each quota: allowance, length of a slice (ms), what to do once it is used up, the network
--   that it is for ('known' | 'unknown' | '' = both), and '1' if a reopening empties it. What to do:
--   refuse
--   suppress (let the request through, and say so)
--   distinct_accounts (refuse; counts a request only if the account's quota, the key before it, has nothing spent in
--   its window. Refuses all accounts alike: a different answer would reveal which accounts were requested before.)
-- Quotas of the other kind of network are read as well, so that the time does not reveal which network is known (S12).
local slices = 12
local now = tonumber(ARGV[1])
local network = redis.call('EXISTS', KEYS[1]) == 1 and 'known' or 'unknown'
local reopening = redis.call('GET', KEYS[2])

local function read(index)
  local first = index * 5 - 3
  local quota = { key = KEYS[index + 2], index = index, spent = 0, inUse = {}, expired = {},
    allowance = tonumber(ARGV[first]), length = tonumber(ARGV[first + 1]), rule = ARGV[first + 2],
    applies = ARGV[first + 3] == '' or ARGV[first + 3] == network, reopening = ARGV[first + 4] == '1' and reopening }
  quota.slice = math.floor(now / quota.length)
  if quota.reopening and redis.call('HGET', quota.key, 'reopening') ~= quota.reopening then
    redis.call('DEL', quota.key)
    redis.call('HSET', quota.key, 'reopening', quota.reopening)
    redis.call('PEXPIRE', quota.key, quota.length * (slices + 1))
  end
  local flat, lastAt = redis.call('HGETALL', quota.key), {}
  for at = 1, #flat, 2 do
    local slice = tonumber(flat[at])
    if slice and slice < 0 then lastAt[-slice] = tonumber(flat[at + 1]) end
  end
  for at = 1, #flat, 2 do
    local slice, value = tonumber(flat[at]), tonumber(flat[at + 1])
    if flat[at] == 'told' then quota.reported = value
    elseif slice and slice >= 0 then
      -- A slice without a time is of an older version: its last request may be at its end.
      local leavesAt = (lastAt[slice] or (slice + 1) * quota.length) + slices * quota.length
      if leavesAt <= now then
        table.insert(quota.expired, flat[at])
        table.insert(quota.expired, '-' .. flat[at])
      else
        quota.spent = quota.spent + value
        table.insert(quota.inUse, { leavesAt = leavesAt, spent = value })
      end
    end
  end
  return quota
end

-- Milliseconds until enough slices have left the window for one more request.
local function wait(quota)
  table.sort(quota.inUse, function(a, b) return a.leavesAt < b.leavesAt end)
  local left = quota.spent
  for _, use in ipairs(quota.inUse) do
    left = left - use.spent
    if left < quota.allowance then return use.leavesAt - now end
  end
  return quota.length
end

-- 1 if the exhaustion is to be reported: once for as long as the quota stays used up.
local function report(quota)
  if quota.reported and quota.reported >= quota.slice - slices then return 0 end
  redis.call('HSET', quota.key, 'told', quota.slice)
  redis.call('PEXPIRE', quota.key, quota.length * (slices + 1))
  return 1
end

local spending, spent, refusing, suppressing, before = {}, {}, nil, nil, nil
for index = 1, #KEYS - 2 do
  local quota = read(index)
  if not quota.applies then -- a quota of the other kind of network
  elseif quota.spent < quota.allowance then
    if quota.rule ~= 'distinct_accounts' or before.spent == 0 then table.insert(spending, quota) end
  elseif quota.rule == 'suppress' then suppressing = quota
  elseif not refusing or wait(quota) > wait(refusing) then refusing = quota
  end
  before = quota
end

if refusing then return { 'refused', network, {}, refusing.index, wait(refusing), report(refusing) } end
for _, quota in ipairs(spending) do
  table.insert(spent, quota.index)
  redis.call('HINCRBY', quota.key, quota.slice, 1)
  redis.call('HSET', quota.key, '-' .. quota.slice, now)
  if #quota.expired > 0 then redis.call('HDEL', quota.key, unpack(quota.expired)) end
  redis.call('PEXPIRE', quota.key, quota.length * (slices + 1))
end
if suppressing then
  return { 'suppressed', network, spent, suppressing.index, wait(suppressing), report(suppressing) }
end
return { 'ok', network, spent }
