-- Spends one of each allowance, or of none where one that refuses is used up.
-- A window slides in slices: what was spent in a slice counts until the whole of it has left the window, so that no
-- window of that length ever holds more than is allowed.
-- KEYS: one hash for each limit: slice -> spent; 'told' -> the slice in which it was last said that it is used up
-- ARGV: 1 now (ms)  then for each key: allowance, length of a slice (ms), and what to do when it is used up:
--   refuse · withhold (go on, but say so) · newcomers (refuse; what counts is who comes new: whose account, which
--   stands before it, has spent nothing yet. All are refused alike, or its answer would tell who came before.)
local slices = 12
local now = tonumber(ARGV[1])

local function look(index)
  local limit = { key = KEYS[index], index = index, spent = 0, inUse = {}, gone = {},
    allowance = tonumber(ARGV[index * 3 - 1]), length = tonumber(ARGV[index * 3]), rule = ARGV[index * 3 + 1] }
  limit.slice = math.floor(now / limit.length)
  local flat = redis.call('HGETALL', limit.key)
  for at = 1, #flat, 2 do
    local slice, value = tonumber(flat[at]), tonumber(flat[at + 1])
    if flat[at] == 'told' then limit.told = value
    elseif slice < limit.slice - slices then table.insert(limit.gone, flat[at])
    else
      limit.spent = limit.spent + value
      table.insert(limit.inUse, { slice = slice, spent = value })
    end
  end
  return limit
end

-- How long until enough has left the window for one more.
local function wait(limit)
  table.sort(limit.inUse, function(a, b) return a.slice < b.slice end)
  local left = limit.spent
  for _, use in ipairs(limit.inUse) do
    left = left - use.spent
    if left < limit.allowance then return (use.slice + slices + 1) * limit.length - now end
  end
  return limit.length
end

-- Once as long as it stays used up.
local function tell(limit)
  if limit.told and limit.told >= limit.slice - slices then return 0 end
  redis.call('HSET', limit.key, 'told', limit.slice)
  redis.call('PEXPIRE', limit.key, limit.length * (slices + 1))
  return 1
end

local spending, spent, refusing, withheld, before = {}, {}, nil, nil, nil
for index in ipairs(KEYS) do
  local limit = look(index)
  if limit.spent < limit.allowance then
    if limit.rule ~= 'newcomers' or before.spent == 0 then table.insert(spending, limit) end
  elseif limit.rule == 'withhold' then withheld = limit
  elseif not refusing or wait(limit) > wait(refusing) then refusing = limit
  end
  before = limit
end

if refusing then return { 'refused', {}, refusing.index, wait(refusing), tell(refusing) } end
for _, limit in ipairs(spending) do
  table.insert(spent, limit.index)
  redis.call('HINCRBY', limit.key, limit.slice, 1)
  if #limit.gone > 0 then redis.call('HDEL', limit.key, unpack(limit.gone)) end
  redis.call('PEXPIRE', limit.key, limit.length * (slices + 1))
end
if withheld then return { 'withheld', spent, withheld.index, wait(withheld), tell(withheld) } end
return { 'ok', spent }
