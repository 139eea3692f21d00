--[[
  Takes over what EC2 said of instances: addresses, readiness, ends. Serves the boot watch, the confirmation of
  terminates and the sweep, so that an observation means the same everywhere. Atomic per batch and fenced by the job.

  KEYS[1] region prefix
  ARGV    job, fence token, now, heartbeatDeadline or '', mode 'checkin' | 'running', recheckAt,
          then per instance: relay id, instance id, 'running' | 'pending' | 'stopped' | 'ending' | 'gone',
          address or '', note
  Returns { 'ok' | 'fenced', moves … }
]]
local job, now, heartbeat, mode, recheck = ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if fenced(job, ARGV[2]) then return { 'fenced', moved } end

local function lose(id, relay, seen, note)
  local fields = { fcode = 'instance_lost', fmsg = 'The instance ended without being asked to (' .. note .. ').' }
  if seen == 'gone' then
    move(id, relay, end_state(relay, 'instance_lost'), now, fields, { reason = 'instance_lost' })
  elseif seen == 'ending' then
    fields.sent = 0
    move(id, relay, 'terminating', now, fields, { reason = 'instance_lost', score = recheck })
  else
    move(id, relay, 'terminating', now, fields, { reason = 'instance_lost' })
  end
end

local function observe(id, relay, seen, address, note)
  if seen == 'gone' or seen == 'ending' or seen == 'stopped' then
    if relay.state == 'booting' or relay.state == 'active' then
      lose(id, relay, seen, note)
    elseif relay.state == 'terminating' and seen == 'gone' then
      move(id, relay, end_state(relay, relay.reason), now, nil, { note = 'instance_gone' })
    elseif relay.state == 'terminating' and seen == 'ending' then
      redis.call('ZADD', INDEX.terminating, recheck, id)
    end
    return
  end
  if address ~= '' and relay.addr ~= address and (relay.state == 'booting' or relay.state == 'active') then
    set_fields(id, relay, { addr = address })
  end
  if relay.state == 'booting' and relay.addr and seen == 'running' and (mode == 'running' or relay.ckin) then
    move(id, relay, 'active', now, { dl = heartbeat ~= '' and heartbeat or false })
  end
end

for i = 7, #ARGV, 5 do
  local relay = load_relay(ARGV[i])
  if relay and relay.inst == ARGV[i + 1] then observe(ARGV[i], relay, ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]) end
end
return { 'ok', moved }
