--[[
  The agent of a booted instance reports. The relay becomes active as soon as both the agent has reported and EC2 has
  told its address, in whichever order they come. Atomic, so that exactly one caller activates it.

  KEYS[1] region prefix
  ARGV    intentId, instanceId, now, heartbeatDeadline
  Returns { 'accepted' | 'unknown_instance' | 'ended', id, relay fields …, moves … }
]]
local id = redis.call('HGET', P .. ':instances', ARGV[2])
if not id then return { 'unknown_instance', '', {}, moved } end
local relay = load_relay(id)
if not relay or relay.intent ~= ARGV[1] then return { 'unknown_instance', '', {}, moved } end
if relay.state == 'booting' then
  if relay.addr then
    move(id, relay, 'active', ARGV[3], { ckin = 1, dl = ARGV[4] })
  elseif not relay.ckin then
    set_fields(id, relay, { ckin = 1 })
  end
  return { 'accepted', id, flatten(relay), moved }
end
if relay.state == 'active' then return { 'accepted', id, flatten(relay), moved } end
return { 'ended', id, flatten(relay), moved }
