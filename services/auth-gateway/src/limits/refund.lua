-- Returns what was spent on work that did not happen.
-- KEYS: quotas   ARGV: for each the slice that it was spent in
for index, key in ipairs(KEYS) do
  local spent = tonumber(redis.call('HGET', key, ARGV[index]) or 0)
  if spent > 0 then redis.call('HINCRBY', key, ARGV[index], -1) end
end
return 'ok'
