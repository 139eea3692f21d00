--[[
  Creates a relay unless its id exists: hands out a warm one when there is one, else stores a pending one. Atomic, so that
  record, indexes and counts never disagree, a retried create finds the first one's relay, and no warm relay is ever
  handed out twice.

  KEYS[1] region prefix
  ARGV    id, tenant, now, leaseSeconds, leaseExpiresAt, maxLifetimeAt, pendingDeadline, memory of a claim (s),
          limits ('' for none): live relays of the region, live relays of the tenant in it, relays the tenant may ask for
          in it in a window, that window (ms), then label, value, …
  Returns { 'created' } (the caller knows every field of it)
          | { 'claimed' | 'exists', id (another one when a warm relay was claimed), relay fields …, moves … }
          | { 'refused', limit, its value, ms until it may be otherwise ('' when nobody knows) }
]]
local id, tenant, now = ARGV[1], ARGV[2], ARGV[3]
local earlier = redis.call('GET', P .. ':claimed:' .. id) or id
local known = load_relay(earlier)
if known then return { 'exists', earlier, flatten(known), moved } end

local fields = { tenant = tenant, created = now, lease = ARGV[4], exp = ARGV[5], max = ARGV[6] }
for i = 13, #ARGV, 2 do fields['l:' .. ARGV[i]] = ARGV[i + 1] end

-- Checked in the same breath as the relay is stored: no number of creates at once gets past a limit.
local function refusal()
  local own = redis.call('HMGET', P .. ':quotas', tenant .. '|relays', tenant .. '|launches')
  local tenant_max, launch_max = tonumber(own[1] or ARGV[10]), tonumber(own[2] or ARGV[11])
  local live = tenant_max and tonumber(redis.call('HGET', P .. ':live', tenant)) or 0
  if tenant_max and live >= tenant_max then return { 'refused', 'tenant_relays', tenant_max, '' } end

  local region_max = tonumber(ARGV[9])
  if region_max and redis.call('ZCARD', P .. ':warm') == 0 then
    local all = 0
    for _, state in ipairs({ 'pending', 'launching', 'booting', 'active', 'terminating' }) do
      all = all + (tonumber(redis.call('HGET', P .. ':counts', state)) or 0)
    end
    if all >= region_max then return { 'refused', 'region_relays', region_max, '' } end
  end

  if launch_max then
    local window = tonumber(ARGV[12])
    local turn = math.floor(tonumber(now) / window)
    local used = P .. ':launches:' .. tenant .. ':' .. string.format('%.0f', turn)
    if (tonumber(redis.call('GET', used)) or 0) >= launch_max then
      return { 'refused', 'tenant_launches', launch_max, string.format('%.0f', (turn + 1) * window - tonumber(now)) }
    end
    redis.call('INCR', used)
    redis.call('PEXPIRE', used, window)
  end
end
local refused = refusal()
if refused then return refused end

-- A spare that has stopped reporting is passed over; its deadlines end it.
-- Looks before it takes: a script that has written once may go on in a Redis that is out of memory.
local function take_spare()
  while redis.call('ZCARD', P .. ':warm') > 0 do
    local spare = redis.call('ZPOPMIN', P .. ':warm')[1]
    local relay = load_relay(spare)
    if relay and relay.state == 'active' and relay.warm and tonumber(relay.exp) > tonumber(now)
      and (not relay.dl or tonumber(relay.dl) > tonumber(now)) then
      return spare, relay
    end
  end
end

local spare, relay = take_spare()
if spare then
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
