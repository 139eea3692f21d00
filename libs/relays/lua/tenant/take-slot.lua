--[[
  Takes a tenant's slot for a relay that is about to be created, and one of its launches in this window of time. Atomic, so
  that no number of creates at once, in whatever regions, gets past a limit. A relay that has its slot keeps it; the newest
  taker owns it, so that a create that fails gives back no slot that another create of the same id lives in.

  KEYS[1] tenant prefix, `{aegis:tenant:<tenant>}`
    <p>:live          hash    relay id -> token   slots: all live relays of the tenant in all regions, and at times more
    <p>:launches:<n>  hash    relay id -> token   relays asked for in the n-th window of time; with a TTL
    <p>:counted       string  present while `live` is known to hold every live relay; with a TTL
  ARGV    relay id, token, now, most live relays ('' for no limit), most launches in a window ('' for no limit), window (ms),
          1 to go on although not all live relays have their slots
  Returns { 'taken' } | { 'uncounted' } (live relays may have no slot: count them first)
          | { 'refused', limit, its value, ms until it may be otherwise ('' when nobody knows) }
]]
local P, id, token, now = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local relays_max, launches_max, window = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local turn = math.floor(now / window)
local live, launches = P .. ':live', P .. ':launches:' .. string.format('%.0f', turn)

local function is_full(slots, most) return redis.call('HEXISTS', slots, id) == 0 and redis.call('HLEN', slots) >= most end

if relays_max then
  if ARGV[7] ~= '1' and redis.call('EXISTS', P .. ':counted') == 0 then return { 'uncounted' } end
  if is_full(live, relays_max) then return { 'refused', 'tenant_relays', relays_max, '' } end
end
if launches_max and is_full(launches, launches_max) then
  return { 'refused', 'tenant_launches', launches_max, string.format('%.0f', (turn + 1) * window - now) }
end
if relays_max then redis.call('HSET', live, id, token) end
if launches_max then
  redis.call('HSET', launches, id, token)
  redis.call('PEXPIRE', launches, window)
end
return { 'taken' }
