--[[
  Records a complete sweep: its marks replace the earlier ones, its figures are kept for the metrics of every process,
  and it verifies the store when it was in doubt and is still the one that the sweep began with. Fenced.

  KEYS[1] region prefix
  ARGV    fence token, now, run id of the Redis in doubt that the sweep began with or '', hold leases until, hold heartbeats until,
          1 if halted else 0, instances seen, orphans, missing, then marked orphans as instance id, first seen, …
  Returns { 'ok' | 'fenced', 1 if sweeps are frozen else 0 }
]]
if fenced('orphan_sweep', ARGV[1]) then return { 'fenced' } end
local meta = P .. ':meta'
redis.call('DEL', P .. ':orphans')
for i = 10, #ARGV, 2 do redis.call('ZADD', P .. ':orphans', ARGV[i + 1], ARGV[i]) end
redis.call('HSET', meta, 'sweepAt', ARGV[2], 'sweepHalted', ARGV[6], 'sweepInstances', ARGV[7], 'sweepOrphans', ARGV[8],
  'sweepMissing', ARGV[9])
if ARGV[3] ~= '' and ARGV[3] == run_id() and not verified() then
  redis.call('HSET', meta, 'verified', ARGV[3], 'leaseHold', ARGV[4], 'heartbeatHold', ARGV[5])
  redis.call('HDEL', meta, 'suspectSince')
  -- Any of the spares may have been handed out just before: none is handed out again, and their age ends them.
  for _, id in ipairs(redis.call('ZRANGE', P .. ':spares', 0, -1)) do
    redis.call('HDEL', relay_key(id), 'warm')
    redis.call('HSET', relay_key(id), 'rebuilt', 1)
  end
  redis.call('DEL', P .. ':spares', P .. ':warm')
end
return { 'ok', redis.call('HGET', meta, 'freezeSweep') == '1' and 1 or 0 }
