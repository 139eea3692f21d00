--[[
  What a sweep must know before it starts. Notes since when a store that is not verified has been suspect. Fenced.

  KEYS[1] region prefix
  ARGV    fence token, now
  Returns { 'ok' | 'fenced', the run id of Redis when the store is in doubt or '' when it is verified, suspect since,
            1 if sweeps are frozen else 0, marked orphans as instance id, first seen, … }
]]
if fenced('orphan_sweep', ARGV[1]) then return { 'fenced' } end
local known = verified()
local since = redis.call('HGET', P .. ':meta', 'suspectSince')
if known then
  since = '0'
elseif not since then
  since = ARGV[2]
  redis.call('HSET', P .. ':meta', 'suspectSince', since)
end
return { 'ok', known and '' or run_id(), since, redis.call('HGET', P .. ':meta', 'freezeSweep') == '1' and 1 or 0,
  redis.call('ZRANGE', P .. ':orphans', 0, -1, 'WITHSCORES') }
