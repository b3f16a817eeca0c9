-- Says whether a challenge may be answered by a method whose code no message contains. Changes nothing.
-- KEYS[1] challenge  KEYS[2] failed attempts of the account
-- ARGV: 1 now (ms)  2 state  3 challenge type  4 max failed attempts
local flow, state, devices, failures, expiresAt =
  unpack(redis.call('HMGET', KEYS[1], 'flow', 'state', 'devices', 'failures', 'expiresAt'))
local now = tonumber(ARGV[1])
if not flow or (tonumber(expiresAt) or 0) <= now or state ~= ARGV[2] then return { 'missing' } end
if not string.find(failures or '', '^%d+$') or tonumber(failures) >= tonumber(ARGV[4]) then return { 'locked' } end
if not devices or not string.find('\n' .. devices .. '\n', '\n' .. ARGV[3] .. '\n', 1, true) then return { 'unknown_device' } end
local lockedOutFor = (tonumber(redis.call('HGET', KEYS[2], 'blockedUntil')) or 0) - now
if lockedOutFor > 0 then return { 'locked_out', lockedOutFor } end
return { 'ok', 0, redis.call('HGETALL', KEYS[1]) }
