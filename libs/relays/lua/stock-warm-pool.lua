--[[
  Brings the number of spares to its target: asks for what is missing, gives up the oldest of what is too many. Atomic
  and fenced, and what is launching or booting counts, so that no crash and no second run ever makes more than the target.

  KEYS[1] region prefix
  ARGV    fence token, now, target, lease seconds (a spare's age limit), pendingDeadline, number of instance types, the
          types that spares may run on, then ids for new spares: no more are asked for, or given up, in this call
  Returns { 'ok' | 'fenced', number asked for, moves … }
]]
if fenced('warm_pool', ARGV[1]) then return { 'fenced', 0, moved } end
-- The end of a doubt gives up all spares: those asked for now would be among them.
if not verified() then return { 'ok', 0, moved } end
local now, target, lease = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local have = redis.call('ZCARD', P .. ':spares')

-- While EC2 has none of any type each spare would only leave a record of its failure.
local types = tonumber(ARGV[6])
local function has_capacity()
  for i = 7, 6 + types do
    if (tonumber(redis.call('HGET', P .. ':exhausted', ARGV[i])) or 0) <= tonumber(now) then return true end
  end
  return false
end

local asked, first = 0, 7 + types
local last = has_capacity() and math.min(#ARGV, first - 1 + target - have) or 0
for i = first, last do
  local id = ARGV[i]
  if redis.call('EXISTS', relay_key(id)) == 0 then
    local exp = string.format('%.0f', tonumber(now) + lease * 1000)
    redis.call('ZADD', P .. ':spares', now, id)
    redis.call('ZADD', P .. ':tenant:', 0, id)
    move(id, { created = now }, 'pending', now,
      { tenant = '', created = now, lease = lease, exp = exp, max = exp, dl = ARGV[5], warm = 1 },
      { score = now, note = 'warm_pool' })
    asked = asked + 1
  end
end

if have > target then
  local surplus = math.min(have - target, #ARGV - first + 1)
  for _, id in ipairs(redis.call('ZRANGE', P .. ':spares', 0, surplus - 1)) do
    local relay = load_relay(id)
    if relay and relay.state ~= 'terminating' and not ends(relay.state) then
      dismiss(id, relay, now, 'requested')
    else
      redis.call('ZREM', P .. ':spares', id)
    end
  end
end
return { 'ok', asked, moved }
