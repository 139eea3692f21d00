--[[
  Writes a store's schema version, if it still is the one the caller has seen. A compare-and-set: of replicas that start at
  once one writes it, and who has lost the lock of a migration meanwhile does not call it done.

  KEYS[1] prefix of a region, or of what the deployment keeps beyond regions
    <p>:meta       hash    schema, schemaOldest among others
    <p>:migrating  string  token of the process that migrates, with a TTL
    <p>:counts     hash    there from a region's first relay on
  ARGV    version seen ('' for none), new version, oldest version of a process that can work with it,
          token of the lock ('' where none is held)
  Returns 1, or 0 when it is not what the caller has seen any more
]]
local meta = KEYS[1] .. ':meta'
if (redis.call('HGET', meta, 'schema') or '') ~= ARGV[1] then return 0 end
-- Relays without a version are of version 1, also when the first of them came a moment ago.
if ARGV[1] == '' and ARGV[2] ~= '1' and redis.call('EXISTS', KEYS[1] .. ':counts') == 1 then return 0 end
if ARGV[4] ~= '' and redis.call('GET', KEYS[1] .. ':migrating') ~= ARGV[4] then return 0 end
redis.call('HSET', meta, 'schema', ARGV[2], 'schemaOldest', ARGV[3])
return 1
