--[[
  Whether a launch intent is still to be carried out, and by this run. Reads only; fenced.

  KEYS[1] region prefix
  ARGV    fence token, intentId
  Returns { 'ok' | 'fenced', 1 or 0 }
]]
if fenced('relay_launch', ARGV[1]) then return { 'fenced' } end
return { 'ok', redis.call('HEXISTS', P .. ':intents', ARGV[2]) }
