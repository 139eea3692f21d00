--[[
  Sends off the relays whose deadline has passed: lease, maximum lifetime, the deadline of a state (pending too long,
  boot time-out, lost heartbeat). Costs O(due). Atomic against renewals and heartbeats.

  A silent relay is only `heartbeat_lost` when it could have been heard: while no api has shown itself for
  ARGV[4] ms, or no expiry tick ran for so long (store or jobs were away), and for one heartbeat time-out after, lost
  heartbeats prove nothing and are put off.

  Nothing expires on the word of a store that is not verified; for a while after it has been, leases are not held against
  relays either: an old backup may lack their renewals until their agents have repeated them.

  KEYS[1] region prefix
  ARGV    fence token, now, limit, blindAfterMs, heartbeatTimeoutMs
  Returns { 'ok' | 'fenced', moves …, number of relays still due }
]]
if fenced('relay_expiry', ARGV[1]) then return { 'fenced', moved, 0 } end
if not verified() then return { 'ok', moved, 0 } end
local now, blind, timeout = tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[5])
local meta = redis.call('HMGET', P .. ':meta', 'expiryTick', 'apiBeat', 'heartbeatHold', 'leaseHold')
local hold, lease_hold = tonumber(meta[3]) or 0, tonumber(meta[4]) or 0
local function stale(at) return not at or now - tonumber(at) > blind end
if stale(meta[1]) or stale(meta[2]) then hold = now + timeout end
redis.call('HSET', P .. ':meta', 'expiryTick', ARGV[2], 'heartbeatHold', string.format('%.0f', hold))

local function passed(at) return at and tonumber(at) <= now end

local function expire(id, relay)
  if passed(relay.max) then return dismiss(id, relay, ARGV[2], 'max_lifetime') end
  if passed(relay.exp) then
    -- Without an instance there is no agent that could know of a longer lease.
    if now < lease_hold and relay.inst then return redis.call('ZADD', P .. ':due', lease_hold, id) end
    return dismiss(id, relay, ARGV[2], 'lease_expired')
  end
  if relay.state == 'pending' or relay.state == 'launching' then
    return dismiss(id, relay, ARGV[2], 'launch_rejected',
      { fcode = 'launch_timeout', fmsg = 'No instance could be launched in time.' })
  end
  if relay.state == 'booting' then
    return dismiss(id, relay, ARGV[2], 'boot_timeout',
      { fcode = 'boot_timeout', fmsg = 'The instance did not become ready in time.' })
  end
  if now < hold then
    relay.dl = string.format('%.0f', hold)
    redis.call('HSET', relay_key(id), 'dl', relay.dl)
    return reschedule(id, relay)
  end
  dismiss(id, relay, ARGV[2], 'heartbeat_lost')
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. ':due', '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])) do
  local relay = load_relay(id)
  if relay then expire(id, relay) else redis.call('ZREM', P .. ':due', id) end
end
return { 'ok', moved, redis.call('ZCOUNT', P .. ':due', '-inf', ARGV[2]) }
