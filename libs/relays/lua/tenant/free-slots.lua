--[[
  Frees slots, each only while its token is the one given: a slot that was taken anew meanwhile is its new taker's.

  KEYS[1] tenant prefix
  ARGV    number of the window of time whose launches are given back too, or '', then relay id, token, …
  Returns number of live slots freed
]]
local P, freed = KEYS[1], 0
local function free(slots, id, token)
  if redis.call('HGET', slots, id) ~= token then return 0 end
  return redis.call('HDEL', slots, id)
end
for i = 2, #ARGV, 2 do
  freed = freed + free(P .. ':live', ARGV[i], ARGV[i + 1])
  if ARGV[1] ~= '' then free(P .. ':launches:' .. ARGV[1], ARGV[i], ARGV[i + 1]) end
end
return freed
