--[[
  All that a launch run starts from, in one round trip: a create waits for each of them before it reaches EC2. Reads only.

  KEYS[1] region prefix
  ARGV    most pending relays to read
  Returns { 1 if an operator stopped launches else 0, { open intents as JSON },
            { pending relay id, its tenant, the instance type it asks for or '', when its time is over, … },
            { instance types noted as exhausted } }
]]
local waiting = {}
for _, id in ipairs(redis.call('ZRANGE', P .. ':pending', 0, ARGV[1] - 1)) do
  local known = redis.call('HMGET', relay_key(id), 'tenant', 'want', 'dl', 'exp')
  waiting[#waiting + 1] = id
  waiting[#waiting + 1] = known[1] or ''
  waiting[#waiting + 1] = known[2] or ''
  waiting[#waiting + 1] = string.format('%.0f', math.min(tonumber(known[3]) or math.huge, tonumber(known[4]) or 0))
end
return { redis.call('HGET', P .. ':meta', 'freezeLaunch') == '1' and 1 or 0, redis.call('HVALS', P .. ':intents'), waiting,
  redis.call('HKEYS', P .. ':exhausted') }
