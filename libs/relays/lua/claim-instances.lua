--[[
  Matches instances that EC2 listed with the relays of the store, by the identity in their launch tags. What the store
  has forgotten is taken up again, never swept: a missing record is rebuilt, a relay that still waits for the instance
  it already has gets it. Atomic per batch and fenced, so that a launch under way is seen whole or not at all.

  KEYS[1] region prefix
  ARGV    fence token, now, bootDeadline, leaseSeconds (for rebuilt relays),
          then per instance: instance id, relay id ('' when its tags tell none), tenant, intent id,
          1 if it serves or may (0: it shuts down or is terminated), launched at, relay created at, relay's maximum lifetime
          end, instance type
  Returns { 'ok' | 'fenced', verdicts …, moves … }; a verdict per instance, in order:
    owned | rebuilt | attached | open_intent (its launch is not settled) | ending | orphan
]]
if fenced('orphan_sweep', ARGV[1]) then return { 'fenced', {}, moved } end
local now, boot_deadline, lease = ARGV[2], ARGV[3], tonumber(ARGV[4])

local function intent_open(intent) return redis.call('HEXISTS', P .. ':intents', intent) == 1 end

local function rebuild(id, one)
  local relay = { created = one.created }
  redis.call('ZADD', P .. ':tenant:' .. one.tenant, 0, id)
  redis.call('HSET', P .. ':instances', one.instance, id)
  move(id, relay, 'booting', now, {
    tenant = one.tenant, created = one.created, lease = lease, max = one.max, dl = boot_deadline,
    exp = string.format('%.0f', math.min(tonumber(now) + lease * 1000, tonumber(one.max))),
    inst = one.instance, type = one.type, intent = one.intent, launched = one.launched, rebuilt = 1,
  }, { note = 'rebuilt' })
end

local function attach(id, relay, one)
  redis.call('HSET', P .. ':instances', one.instance, id)
  if relay.state == 'terminating' then
    set_fields(id, relay, { inst = one.instance, type = one.type, intent = one.intent, launched = one.launched })
    redis.call('ZADD', INDEX.terminating, now, id)
  else
    move(id, relay, 'booting', now,
      { inst = one.instance, type = one.type, intent = one.intent, launched = one.launched, dl = boot_deadline },
      { note = 'attached' })
  end
end

-- A spare whose instance carries a tenant was handed out, and the store has forgotten it. The agent knows its lease.
local function give_back(id, tenant)
  local relay = load_relay(id)
  redis.call('ZREM', P .. ':warm', id)
  redis.call('ZREM', P .. ':spares', id)
  redis.call('ZREM', P .. ':tenant:' .. relay.tenant, id)
  redis.call('ZADD', P .. ':tenant:' .. tenant, 0, id)
  count_live(relay, -1)
  set_fields(id, relay, { tenant = tenant, warm = false, rebuilt = 1 })
  count_live(relay, 1)
  append_event(id, relay.state, now, 'rebuilt')
end

-- What the store itself says of an instance whose tags say nothing, or something else: somebody changed them.
local function owned_by_record(one)
  local owner = redis.call('HGET', P .. ':instances', one.instance)
  if not owner or owner == one.relay then return false end
  local known = redis.call('HMGET', relay_key(owner), 'state', 'inst')
  return known[1] and known[2] == one.instance and not ends(known[1])
end

local function judge(one)
  if owned_by_record(one) then return 'owned' end
  if one.relay == '' then
    if one.intent ~= '' and intent_open(one.intent) then return 'open_intent' end
    return 'orphan'
  end
  local known = redis.call('HMGET', relay_key(one.relay), 'state', 'inst', 'warm')
  local state, instance = known[1], known[2]
  if not state then
    if one.intent ~= '' and intent_open(one.intent) then return 'open_intent' end
    if not one.serves then return 'ending' end
    rebuild(one.relay, one)
    return 'rebuilt'
  end
  if instance == one.instance and not ends(state) then
    if known[3] and one.tenant ~= '' and state ~= 'terminating' then
      give_back(one.relay, one.tenant)
      return 'rebuilt'
    end
    return 'owned'
  end
  if intent_open(one.intent) then return 'open_intent' end
  if not one.serves then
    -- Launched, dead again, and all of it forgotten: the relay must not be launched a second time.
    if not instance and (state == 'pending' or state == 'launching') then
      move(one.relay, load_relay(one.relay), 'failed', now,
        { inst = one.instance, type = one.type, fcode = 'instance_lost', fmsg = 'The instance ended before it was ready.' },
        { reason = 'instance_lost' })
    end
    return 'ending'
  end
  if not instance and (state == 'pending' or state == 'launching' or state == 'terminating') then
    attach(one.relay, load_relay(one.relay), one)
    return 'attached'
  end
  return 'orphan'
end

local verdicts = {}
for i = 5, #ARGV, 9 do
  verdicts[#verdicts + 1] = judge({
    instance = ARGV[i], relay = ARGV[i + 1], tenant = ARGV[i + 2], intent = ARGV[i + 3], serves = ARGV[i + 4] == '1',
    launched = ARGV[i + 5], created = ARGV[i + 6], max = ARGV[i + 7], type = ARGV[i + 8],
  })
end
return { 'ok', verdicts, moved }
