--[[
  Stores a launch intent and moves its relays to `launching`, all or nothing, before EC2 is called: from here on a
  crash anywhere leaves an intent that the next run replays with the same token and the same parameters.

  KEYS[1] region prefix
  ARGV    fence token, now, intentId, intent JSON, then the ordered relay ids
  Returns { 'opened' } | { 'fenced' } | { 'conflict' } (a relay left `pending` meanwhile: choose again)
          | { 'frozen' } (an operator stopped launches) | { 'unverified' } (a sweep must come first)
]]
if fenced('relay_launch', ARGV[1]) then return { 'fenced' } end
if redis.call('HGET', P .. ':meta', 'freezeLaunch') == '1' then return { 'frozen' } end
if not verified() then return { 'unverified' } end
local now, intent = ARGV[2], ARGV[3]
for i = 5, #ARGV do
  if redis.call('HGET', relay_key(ARGV[i]), 'state') ~= 'pending' then return { 'conflict' } end
end
redis.call('HSET', P .. ':intents', intent, ARGV[4])
for i = 5, #ARGV do
  local relay = load_relay(ARGV[i])
  -- The time a relay may wait for an instance goes on: EC2 may never answer.
  move(ARGV[i], relay, 'launching', now, { intent = intent, tries = (tonumber(relay.tries) or 0) + 1, dl = relay.dl or false },
    { attempt = (tonumber(relay.tries) or 0) + 1 })
end
return { 'opened' }
