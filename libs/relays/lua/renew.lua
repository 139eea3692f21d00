--[[
  Extends a lease, never past the maximum lifetime. Atomic against expiry: a relay is renewed or expires, never both.

  KEYS[1] region prefix
  ARGV    id, tenant, now, leaseSeconds (0: the relay's own)
  Returns { 'renewed' | 'ended' | 'not_found', relay fields … }
]]
local id, now = ARGV[1], tonumber(ARGV[3])
local relay = load_relay(id)
if not relay or relay.tenant ~= ARGV[2] then return { 'not_found', {} } end
if relay.state == 'terminating' or ends(relay.state) then return { 'ended', flatten(relay) } end
local seconds = tonumber(ARGV[4])
if seconds == 0 then seconds = tonumber(relay.lease) end
local expires = now + seconds * 1000
if expires > tonumber(relay.max) then expires = tonumber(relay.max) end
set_fields(id, relay, { lease = seconds, exp = string.format('%.0f', expires) })
-- What its agent heard before is older than this.
if relay.rebuilt == '1' then set_fields(id, relay, { rebuilt = 2 }) end
reschedule(id, relay)
return { 'renewed', flatten(relay) }
