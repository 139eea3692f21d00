--[[
  Ends relays that still wait for an instance and will not get one. Fenced; atomic per batch.

  KEYS[1] region prefix
  ARGV    fence token, now, reason, failure code, failure message, then relay ids
  Returns { 'ok' | 'fenced', moves … }
]]
if fenced('relay_launch', ARGV[1]) then return { 'fenced', moved } end
for i = 6, #ARGV do
  local relay = load_relay(ARGV[i])
  if relay and relay.state == 'pending' then
    move(ARGV[i], relay, 'failed', ARGV[2], { fcode = ARGV[4], fmsg = ARGV[5] }, { reason = ARGV[3] })
  end
end
return { 'ok', moved }
