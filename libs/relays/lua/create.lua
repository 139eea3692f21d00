--[[
  Creates a relay unless its id exists: hands out a warm one when there is one, else stores a pending one. Atomic, so that
  record, indexes and counts never disagree, a retried create finds the first one's relay, and no warm relay is ever
  handed out twice.

  KEYS[1] region prefix
  ARGV    id, tenant, now, leaseSeconds, leaseExpiresAt, maxLifetimeAt, pendingDeadline, memory of a claim (s),
          the only instance type that will do ('' for any), limits ('' for none): live relays of the region, live relays of
          the tenant in it; then label, value, …
  Returns { 'created' } (the caller knows every field of it)
          | { 'claimed' | 'exists', id (another one when a warm relay was claimed), relay fields …, moves … }
          | { 'refused', limit, its value }
]]
local id, tenant, now = ARGV[1], ARGV[2], ARGV[3]
local earlier = redis.call('GET', P .. ':claimed:' .. id) or id
local known = load_relay(earlier)
if known then return { 'exists', earlier, flatten(known), moved } end

local fields = { tenant = tenant, created = now, lease = ARGV[4], exp = ARGV[5], max = ARGV[6] }
local want = ARGV[9] ~= '' and ARGV[9] or nil
fields.want = want
for i = 12, #ARGV, 2 do fields['l:' .. ARGV[i]] = ARGV[i + 1] end

-- The spare that has been ready longest, of the type that is asked for. One that has stopped reporting is passed over; its
-- deadlines end it. Only looks: a script that has written once may go on in a Redis that is out of memory.
local function find_spare()
  -- A store that may have forgotten whom it handed a spare to must not hand it out again.
  if redis.call('EXISTS', P .. ':warm') == 0 or not verified() then return end
  local at = 0
  while true do
    local id = redis.call('ZRANGE', P .. ':warm', at, at)[1]
    if not id then return end
    local relay = (not want or redis.call('HGET', relay_key(id), 'type') == want) and load_relay(id)
    if relay and relay.state == 'active' and relay.warm and tonumber(relay.exp) > tonumber(now)
      and (not relay.dl or tonumber(relay.dl) > tonumber(now)) then
      return id, relay
    end
    at = at + 1
  end
end
local spare, relay = find_spare()

-- Checked in the same breath as the relay is stored: no number of creates at once gets past a limit.
local function refusal()
  local tenant_max = tonumber(ARGV[11])
  if tenant_max and (tonumber(redis.call('HGET', P .. ':live', tenant)) or 0) >= tenant_max then
    return { 'refused', 'tenant_region_relays', tenant_max }
  end
  local region_max = tonumber(ARGV[10])
  if region_max and not spare then
    local all = 0
    for _, state in ipairs({ 'pending', 'launching', 'booting', 'active', 'terminating' }) do
      all = all + (tonumber(redis.call('HGET', P .. ':counts', state)) or 0)
    end
    if all >= region_max then return { 'refused', 'region_relays', region_max } end
  end
end
local refused = refusal()
if refused then return refused end

if spare then
  redis.call('ZREM', P .. ':warm', spare)
  redis.call('ZREM', P .. ':spares', spare)
  redis.call('ZREM', P .. ':tenant:' .. relay.tenant, spare)
  redis.call('ZADD', P .. ':tenant:' .. tenant, 0, spare)
  redis.call('SADD', P .. ':untagged', spare)
  redis.call('SET', P .. ':claimed:' .. id, spare, 'EX', ARGV[8])
  fields.warm, fields.act = false, now
  count_live(relay, -1)
  set_fields(spare, relay, fields)
  count_live(relay, 1)
  reschedule(spare, relay)
  append_event(spare, 'active', now, 'claimed')
  report_move(spare, relay, 'pending', 'active', now)
  return { 'claimed', spare, flatten(relay), moved }
end

relay = { created = now }
fields.dl = ARGV[7]
redis.call('ZADD', P .. ':tenant:' .. tenant, 0, id)
-- A tenant's next relay waits behind a slot of time for each that it already has waiting, so that one tenant's hundreds
-- do not stand before another's first. Alone, all slots are its own and nothing waits longer.
local TURN_MS = 50
local waiting = tonumber(redis.call('HGET', P .. ':waiting', tenant)) or 0
move(id, relay, 'pending', now, fields, { score = tonumber(now) + waiting * TURN_MS })
return { 'created' }
