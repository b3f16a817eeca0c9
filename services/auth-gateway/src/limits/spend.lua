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

-- Empties a quota if the account's sign-in was reopened since it was emptied last.
local function reopen(key, length)
  local reopening = redis.call('GET', KEYS[2])
  if reopening and redis.call('HGET', key, 'reopening') ~= reopening then
    redis.call('DEL', key)
    redis.call('HSET', key, 'reopening', reopening)
    redis.call('PEXPIRE', key, length * (slices + 1))
  end
end

-- When a slice leaves the window. A slice without a time is of an older version: its last request may be at its end.
local function leavesAt(slice, lastAt, length) return (lastAt or (slice + 1) * length) + slices * length end

-- Runs for each quota of each request, so it parses no time but that of the oldest slice: all later slices are in the
-- window whatever their time, and all earlier ones have left it.
local function read(index)
  local first = index * 5 - 3
  local key, length = KEYS[index + 2], tonumber(ARGV[first + 1])
  local slice = math.floor(now / length)
  local oldest = slice - slices
  if ARGV[first + 4] == '1' then reopen(key, length) end
  local flat = redis.call('HGETALL', key)
  local spent, spentNow, spentOldest, lastAt, reported, expired = 0, nil, nil, nil, nil, nil
  for at = 1, #flat, 2 do
    local name = tonumber(flat[at])
    if not name then
      if flat[at] == 'told' then reported = tonumber(flat[at + 1]) end
    elseif name > oldest then
      spent = spent + flat[at + 1]
      if name == slice then spentNow = flat[at + 1] end
    elseif name == oldest then spentOldest = flat[at + 1]
    elseif name == -oldest then lastAt = tonumber(flat[at + 1])
    elseif name >= 0 then
      expired = expired or {}
      table.insert(expired, flat[at])
      table.insert(expired, '-' .. flat[at])
    end
  end
  if spentOldest and leavesAt(oldest, lastAt, length) > now then spent = spent + spentOldest end
  return { key = key, index = index, allowance = tonumber(ARGV[first]), length = length, rule = ARGV[first + 2],
    applies = ARGV[first + 3] == '' or ARGV[first + 3] == network, slice = slice, flat = flat, spent = spent,
    spentNow = spentNow, reported = reported, expired = expired }
end

-- Milliseconds until enough slices have left the window for one more request.
local function wait(quota)
  local lastAt, inUse = {}, {}
  for at = 1, #quota.flat, 2 do
    local name = tonumber(quota.flat[at])
    if name and name < 0 then lastAt[-name] = tonumber(quota.flat[at + 1]) end
  end
  for at = 1, #quota.flat, 2 do
    local name = tonumber(quota.flat[at])
    if name and name >= 0 then
      table.insert(inUse, { leavesAt = leavesAt(name, lastAt[name], quota.length), spent = quota.flat[at + 1] })
    end
  end
  table.sort(inUse, function(a, b) return a.leavesAt < b.leavesAt end)
  local left = quota.spent
  for _, use in ipairs(inUse) do
    if use.leavesAt > now then
      left = left - use.spent
      if left < quota.allowance then return use.leavesAt - now end
    end
  end
  return quota.length
end

-- Counts the request. The first of a slice sets the life of the key: no later one of this slice outlives it in the window.
local function spend(quota)
  redis.call('HSET', quota.key, quota.slice, (quota.spentNow or 0) + 1, '-' .. quota.slice, now)
  if not quota.spentNow then redis.call('PEXPIRE', quota.key, quota.length * (slices + 1)) end
  if quota.expired then redis.call('HDEL', quota.key, unpack(quota.expired)) end
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
  spend(quota)
end
if suppressing then
  return { 'suppressed', network, spent, suppressing.index, wait(suppressing), report(suppressing) }
end
return { 'ok', network, spent }
