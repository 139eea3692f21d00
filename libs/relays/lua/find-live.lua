--[[
  What has become of relays that hold a slot of their tenant's limit. Reads only.

  KEYS[1] region prefix
  ARGV    relay ids
  Returns { 1 if the store is known to hold the present else 0,
            per id: the id of the live relay (another one when a create was answered with a spare), 'ended', or '' for one
            that is not known }
]]
local found = {}
for i, id in ipairs(ARGV) do
  local actual = redis.call('GET', P .. ':claimed:' .. id) or id
  local state = redis.call('HGET', relay_key(actual), 'state')
  found[i] = not state and '' or ends(state) and 'ended' or actual
end
return { verified() and 1 or 0, found }
