--[[
  A client's delete. Atomic against a launch in flight: whoever comes second sees the other, and the delete wins.

  KEYS[1] region prefix
  ARGV    id, tenant, now
  Returns { 'accepted' | 'not_found', 1 if this call changed it else 0, relay fields …, moves … }
]]
local id = ARGV[1]
local relay = load_relay(id)
if not relay or relay.tenant ~= ARGV[2] then return { 'not_found', 0, {}, moved } end
if relay.state == 'terminating' or ends(relay.state) then return { 'accepted', 0, flatten(relay), moved } end
dismiss(id, relay, ARGV[3], 'requested')
return { 'accepted', 1, flatten(relay), moved }
