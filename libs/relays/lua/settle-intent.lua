--[[
  Records what became of a launch intent and closes it. A relay deleted while its launch was in flight stays
  `terminating` and takes its instance along; a relay that got none goes back to the front of `pending` (its score is
  its creation time), or fails. Atomic, so that an intent is settled once and for all its relays together.

  KEYS[1] region prefix
  ARGV    fence token, now, intentId, bootDeadline, pendingTimeoutMs, awsRequestId,
          without: 'requeue' | 'fail' (for relays without an instance), reason, failure code, failure message,
          instance type, then per relay: id, instance id or '', 1 if that instance is already dead else 0
  Returns { 'settled' | 'fenced' | 'not_open', moves … }
]]
if fenced('relay_launch', ARGV[1]) then return { 'fenced', moved } end
local now, intent, request = ARGV[2], ARGV[3], ARGV[6]
if redis.call('HDEL', P .. ':intents', intent) == 0 then return { 'not_open', moved } end

local function settle_launching(id, relay, instance, dead)
  if instance == '' then
    if ARGV[7] == 'fail' then
      move(id, relay, 'failed', now, { fcode = ARGV[9], fmsg = ARGV[10] }, { reason = ARGV[8], request = request })
    else
      move(id, relay, 'pending', now, { intent = false, dl = relay.created + ARGV[5] },
        { score = relay.created, note = ARGV[9], request = request })
    end
  elseif dead then
    move(id, relay, 'failed', now,
      { inst = instance, type = ARGV[11], fcode = 'instance_lost', fmsg = 'The instance ended before it was ready.' },
      { reason = 'instance_lost', request = request })
  else
    redis.call('HSET', P .. ':instances', instance, id)
    move(id, relay, 'booting', now, { inst = instance, type = ARGV[11], launched = now, dl = ARGV[4] }, { request = request })
  end
end

local function settle_terminating(id, relay, instance, dead)
  if instance == '' or dead then
    move(id, relay, end_state(relay, relay.reason), now, { inst = dead and instance, type = dead and ARGV[11] }, { request = request })
  else
    redis.call('HSET', P .. ':instances', instance, id)
    set_fields(id, relay, { inst = instance, type = ARGV[11], launched = now })
    redis.call('ZADD', INDEX.terminating, now, id)
  end
end

for i = 12, #ARGV, 3 do
  local id, instance, dead = ARGV[i], ARGV[i + 1], ARGV[i + 2] == '1'
  local relay = load_relay(id)
  if relay and relay.intent == intent and not relay.inst then
    if relay.state == 'launching' then
      settle_launching(id, relay, instance, dead)
    elseif relay.state == 'terminating' then
      settle_terminating(id, relay, instance, dead)
    end
  end
end
return { 'settled', moved }
