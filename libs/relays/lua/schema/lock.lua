--[[
  Takes, keeps or gives back the lock of a migration; with a TTL, so that a process that dies while it migrates holds up the
  others for no longer. Atomic, so that nobody extends or frees another's.

  KEYS[1] prefix, as in advance.lua
  ARGV    token, ms to hold it (0 gives it back)
  Returns 1, or 0 while another process holds it
]]
local lock = KEYS[1] .. ':migrating'
local holder = redis.call('GET', lock)
if holder and holder ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', lock) else redis.call('SET', lock, ARGV[1], 'PX', ARGV[2]) end
return 1
