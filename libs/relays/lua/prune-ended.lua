--[[
  Forgets terminal relays that ended before a time. Atomic, so that counts and indexes keep agreeing.

  KEYS[1] region prefix
  ARGV    fence token, ended before (Unix ms), limit
  Returns { 'ok' | 'fenced', number forgotten }
]]
if fenced('history_prune', ARGV[1]) then return { 'fenced', 0 } end
local ids = redis.call('ZRANGEBYSCORE', P .. ':ended', '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])
for _, id in ipairs(ids) do
  local relay = load_relay(id)
  if relay then
    redis.call('HINCRBY', P .. ':counts', relay.state, -1)
    redis.call('ZREM', P .. ':tenant:' .. relay.tenant, id)
    redis.call('DEL', relay_key(id), P .. ':events:' .. id)
  end
  redis.call('ZREM', P .. ':ended', id)
end
return { 'ok', #ids }
