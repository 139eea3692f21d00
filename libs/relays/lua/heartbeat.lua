--[[
  A sign of life of a relay: its heartbeat deadline moves on. Atomic against expiry.

  After a loss of the store the agent's word counts: a rebuilt relay is active again and takes the lease its agent last
  heard, and while the store is in doubt or leases are on hold a lease the agent heard may extend, never shorten, the
  stored one. (In doubt too: the answer to this very heartbeat replaces what the agent remembers.)

  KEYS[1] region prefix
  ARGV    id, instanceId, now, heartbeatDeadline, lease end that the agent last heard ('' when unproven)
  Returns { 'alive' | 'ended' | 'not_found', relay fields …, moves … }
]]
local id, now, heard = ARGV[1], ARGV[3], tonumber(ARGV[5])
local relay = load_relay(id)
if not relay or relay.inst ~= ARGV[2] then return { 'not_found', {}, moved } end
if relay.state ~= 'booting' and relay.state ~= 'active' then return { 'ended', {}, moved } end

if heard and heard > tonumber(relay.max) then heard = tonumber(relay.max) end
local function lease_in_doubt()
  return not verified() or tonumber(now) < (tonumber(redis.call('HGET', P .. ':meta', 'leaseHold')) or 0)
end

if relay.rebuilt == '1' then
  set_fields(id, relay, { rebuilt = 2, exp = heard and string.format('%.0f', heard) or relay.exp })
elseif heard and heard > tonumber(relay.exp) and lease_in_doubt() then
  set_fields(id, relay, { exp = string.format('%.0f', heard) })
end
if relay.state == 'booting' and not relay.ckin then
  -- Only a check-in gives an agent its session: that one, and what was counted then, is what the store has lost.
  set_fields(id, relay, { ckin = 1, rebuilt = 2 })
  if relay.addr then move(id, relay, 'active', now, { dl = ARGV[4] }, { note = 'rebuilt' }) end
end
if relay.state == 'active' then
  -- Not a change of the relay that a client could see: the version stays.
  relay.dl = ARGV[4]
  redis.call('HSET', relay_key(id), 'dl', ARGV[4])
end
reschedule(id, relay)
return { 'alive', flatten(relay), moved }
