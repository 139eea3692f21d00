--[[
  Adds a line to a relay's story without changing the relay: what was done to an instance that claimed to be its.

  KEYS[1] region prefix
  ARGV    now, note, then relay ids
  Returns { 'ok' }
]]
for i = 3, #ARGV do
  local state = redis.call('HGET', relay_key(ARGV[i]), 'state')
  if state then append_event(ARGV[i], state, ARGV[1], ARGV[2]) end
end
return { 'ok' }
