--[[
  Records a complete sweep: its marks replace the earlier ones, its figures are kept for the metrics of every process,
  and it verifies the store when it was suspect. Fenced.

  KEYS[1] region prefix
  ARGV    fence token, now, 1 to verify else 0, hold leases until, hold heartbeats until,
          1 if halted else 0, instances seen, orphans, missing, then marked orphans as instance id, first seen, …
  Returns { 'ok' | 'fenced' }
]]
if fenced('orphan_sweep', ARGV[1]) then return { 'fenced' } end
local meta = P .. ':meta'
redis.call('DEL', P .. ':orphans')
for i = 10, #ARGV, 2 do redis.call('ZADD', P .. ':orphans', ARGV[i + 1], ARGV[i]) end
redis.call('HSET', meta, 'sweepAt', ARGV[2], 'sweepHalted', ARGV[6], 'sweepInstances', ARGV[7], 'sweepOrphans', ARGV[8],
  'sweepMissing', ARGV[9])
if ARGV[3] == '1' and not verified() then
  redis.call('HSET', meta, 'verified', redis.call('INFO', 'server'):match('run_id:(%x+)'),
    'leaseHold', ARGV[4], 'heartbeatHold', ARGV[5])
  redis.call('HDEL', meta, 'suspectSince')
end
return { 'ok' }
