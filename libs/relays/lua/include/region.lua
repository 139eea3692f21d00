--[[
  Shared by every script; its text is put in front of the script's own, behind a line that sets SCHEMA and SCHEMA_OLDEST
  (see migrations.ts).

  KEYS[1]  the region's key prefix, `{aegis:<region>}`. Every key below carries that hash tag, so one script touches
           one slot and a region can live on any shard of a cluster.

  Keys of a region
    <p>:relay:<id>      hash    the relay; see FIELDS
    <p>:events:<id>     string  its story, a line an event: `<state><at>|reason|attempt|awsRequestId`, without what is
                                empty at the end; the state by its letter (see LETTER), the time in ms since the id's
    <p>:pending         zset    score turn (see create)  relays that wait for a launch
    <p>:waiting         hash    tenant -> number         how many relays of a tenant wait
    <p>:booting         zset    score since              relays whose instance boots
    <p>:terminating     zset    score next attempt at    relays whose instance must go
    <p>:leaving         zset    score terminating since  the same relays, and those whose launch is still in flight
    <p>:due             zset    score next deadline      every live relay that is not terminating
    <p>:ended           zset    score endedAt            terminal relays, for history_prune
    <p>:tenant:<t>      zset    score 0, by id           a tenant's relays in order of creation (ids sort by time)
    <p>:instances       hash    instance id -> relay id  live relays that have an instance
    <p>:counts          hash    state -> number          inventory, so that no gauge ever scans
    <p>:live            hash    tenant -> number         its relays that have not ended
    <p>:intents         hash    intent id -> JSON        launch intents that are not settled
    <p>:exhausted       hash    instance type -> Unix ms EC2 had no instance of that type; until then nobody asks again
    <p>:fence:<job>     string  token of the newest run of that job
    <p>:spares          zset    score created            warm relays nobody owns yet, in any live state
    <p>:warm            zset    score active since       those of them that are ready to be handed out
    <p>:claimed:<id>    string  relay id, with a TTL     the warm relay that a create got instead of one under its own id
    <p>:untagged        set     relay ids                claimed relays whose instance does not carry its tenant yet
    <p>:orphans         zset    score first seen         instances without an owner, by instance id
    <p>:meta            hash    apiBeat expiryTick heartbeatHold leaseHold suspectSince (Unix ms),
                                verified (see below), freezeLaunch freezeSweep ('1' when on), sweep… (the last sweep),
                                schema schemaOldest (version of this layout, oldest process that can work with it)
    <p>:migrating       string  token of the process that migrates the region, with a TTL

  FIELDS of a relay (times in Unix ms; absent when unknown)
    state tenant created lease(s) exp(lease end) max(lifetime end) dl(deadline of the present state)
    want(the instance type asked for, if any) type(of its instance)
    inst addr ckin(1 once the agent checked in) intent launched(instance known since)
    act(active at) tat(terminating at) end reason fcode fmsg v(version) tries l:<label>
    warm(1 while it is a spare: booted ahead, owned by nobody, tenant empty)
    rebuilt(its record, or that it had been active, was lost: 1 until its lease is known again, then 2)
    sent(terminate accepted by EC2 at; 0: the instance ends by itself, only confirm it)
]]
local P = KEYS[1]

--[[
  A process must not work on a layout it does not know. It looks when it starts and every other second; this holds in
  between, when a store is replaced or migrated under it. What the store says of itself, else 1 when it holds relays: they
  are older than versions. An empty one will get this process's version with its first relay.
]]
local schema = redis.call('HMGET', P .. ':meta', 'schema', 'schemaOldest')
if not schema[1] then schema = redis.call('EXISTS', P .. ':counts') == 1 and { 1, 1 } or { SCHEMA, SCHEMA_OLDEST } end
if tonumber(schema[1]) < SCHEMA or tonumber(schema[2] or schema[1]) > SCHEMA then
  return redis.error_reply(('SCHEMA the store has version %s, this process %d'):format(schema[1], SCHEMA))
end

local INDEX = { pending = P .. ':pending', booting = P .. ':booting', terminating = P .. ':terminating' }
local moved = {}

local function relay_key(id) return P .. ':relay:' .. id end

local function load_relay(id)
  local flat = redis.call('HGETALL', relay_key(id))
  if #flat == 0 then return nil end
  local relay = {}
  for i = 1, #flat, 2 do relay[flat[i]] = flat[i + 1] end
  return relay
end

-- Stores the fields in memory and in Redis alike. `false` deletes a field.
local function set_fields(id, relay, fields)
  local args = {}
  for field, value in pairs(fields) do
    if value == false then
      redis.call('HDEL', relay_key(id), field)
      relay[field] = nil
    else
      relay[field] = tostring(value)
      args[#args + 1] = field
      args[#args + 1] = value
    end
  end
  if #args > 0 then redis.call('HSET', relay_key(id), unpack(args)) end
  relay.v = tostring(redis.call('HINCRBY', relay_key(id), 'v', 1))
end

local function ends(state) return state == 'terminated' or state == 'failed' end

-- The next moment at which something must happen to the relay by the clock alone.
local function reschedule(id, relay)
  if relay.state == 'terminating' or ends(relay.state) then
    redis.call('ZREM', P .. ':due', id)
    return
  end
  local at = tonumber(relay.exp)
  if relay.max and tonumber(relay.max) < at then at = tonumber(relay.max) end
  if relay.dl and tonumber(relay.dl) < at then at = tonumber(relay.dl) end
  redis.call('ZADD', P .. ':due', at, id)
end

local LETTER = {
  pending = 'p', launching = 'l', booting = 'b', active = 'a', terminating = 't', terminated = 'e', failed = 'f',
}
-- A string as long as its story: a list, or a string that has been appended to, takes twice the memory, and there is a
-- story for every relay. Long ones are rare and grow in place.
local STORY_GROWS_FROM = 1000

local function append_event(id, to, now, reason, attempt, request_id)
  local since = tonumber(now) - (tonumber(id:sub(-16, -8), 36) or 0)
  local line = ('%s%.0f|%s|%s|%s'):format(LETTER[to], since, reason or '', attempt or '', request_id or '')
  local key, story = P .. ':events:' .. id, (line:gsub('\n', ' '):gsub('|+$', ''))
  local length = redis.call('STRLEN', key)
  if length >= STORY_GROWS_FROM then
    redis.call('APPEND', key, '\n' .. story)
  elseif length > 0 then
    redis.call('SET', key, redis.call('GET', key) .. '\n' .. story)
  else
    redis.call('SET', key, story)
  end
  -- For those who wait for it: one subscriber per api, whatever the number of streams.
  redis.call('PUBLISH', P .. ':feed', id)
end

-- How many relays of a tenant wait for an instance; what decides whose turn comes first.
local function count_waiting(relay, by)
  if redis.call('HINCRBY', P .. ':waiting', relay.tenant, by) <= 0 then
    redis.call('HDEL', P .. ':waiting', relay.tenant)
  end
end

-- How many relays that have not ended each tenant has.
local function count_live(relay, by)
  if redis.call('HINCRBY', P .. ':live', relay.tenant, by) <= 0 then
    redis.call('HDEL', P .. ':live', relay.tenant)
  end
end

-- Tells the caller of a move, for its metrics: each move is told once.
local function report_move(id, relay, from, to, now)
  local told = {
    id, from or '', to, relay.reason or '', relay.created, relay.act or '', relay.tat or '', relay.inst or '',
    relay.sent or '', (relay.rebuilt or relay.warm) and '1' or '', tostring(now), relay.tenant or '',
  }
  for i = 1, #told do moved[#moved + 1] = told[i] end
end

--[[
  Moves a relay to another state: fields, counts, indexes and event in one go.
  fields: changes that come with the move; `dl` defaults to none.
  how: { score = index score, reason = kept as the relay's reason, note = the event's reason, attempt, request }
]]
local function move(id, relay, to, now, fields, how)
  local from = relay.state
  how = how or {}
  fields = fields or {}
  fields.state = to
  if fields.dl == nil then fields.dl = false end
  if how.reason then fields.reason = how.reason end
  if to == 'active' and not relay.act then fields.act = now end
  if to == 'terminating' then fields.tat = now end
  if ends(to) then fields['end'] = now end
  set_fields(id, relay, fields)

  if from and INDEX[from] then redis.call('ZREM', INDEX[from], id) end
  if from == 'pending' then count_waiting(relay, -1) end
  if to == 'pending' then count_waiting(relay, 1) end
  if not from then
    count_live(relay, 1)
    if redis.call('EXISTS', P .. ':counts') == 0 then
      redis.call('HSETNX', P .. ':meta', 'schema', SCHEMA)
      redis.call('HSETNX', P .. ':meta', 'schemaOldest', SCHEMA_OLDEST)
    end
  end
  if ends(to) then count_live(relay, -1) end
  -- A relay deleted during its launch has nothing to terminate until its intent is settled.
  if INDEX[to] and not (to == 'terminating' and not relay.inst) then
    redis.call('ZADD', INDEX[to], how.score or now, id)
  end
  if to == 'terminating' then redis.call('ZADD', P .. ':leaving', now, id) end
  if ends(to) then
    redis.call('ZREM', P .. ':leaving', id)
    redis.call('ZADD', P .. ':ended', now, id)
    if relay.inst then redis.call('HDEL', P .. ':instances', relay.inst) end
  end
  if relay.warm then
    if to == 'active' then
      redis.call('ZADD', P .. ':warm', now, id)
    elseif to == 'terminating' or ends(to) then
      redis.call('ZREM', P .. ':spares', id)
      redis.call('ZREM', P .. ':warm', id)
    end
  end
  if from then redis.call('HINCRBY', P .. ':counts', from, -1) end
  redis.call('HINCRBY', P .. ':counts', to, 1)
  reschedule(id, relay)
  append_event(id, to, now, how.note or how.reason, how.attempt, how.request)
  report_move(id, relay, from, to, now)
end

-- `terminated` for a relay that served, or that its client gave up; `failed` for one that never became active.
local function end_state(relay, reason)
  if relay.act or reason == 'requested' then return 'terminated' end
  return 'failed'
end

-- Sends a live relay on its way out: to `terminating` while EC2 may hold an instance of it, else straight to its end.
local function dismiss(id, relay, now, reason, fields)
  if relay.state == 'pending' then
    move(id, relay, end_state(relay, reason), now, fields, { reason = reason })
  else
    move(id, relay, 'terminating', now, fields, { reason = reason })
  end
end

--[[
  Whether the store is known to hold the present. `meta.verified` is the run id of the Redis process that a complete
  sweep has compared with EC2. A Redis that restarted, failed over, was flushed or restored from a backup has another
  run id or no mark, may have forgotten what it had promised, and must be compared again before anything is launched or
  expired on its word.
]]
local function run_id() return redis.call('INFO', 'server'):match('run_id:(%x+)') end
local function verified()
  local mark = redis.call('HGET', P .. ':meta', 'verified')
  return mark and mark == run_id()
end

local function fenced(job, token) return redis.call('GET', P .. ':fence:' .. job) ~= token end

local function flatten(relay)
  local flat = {}
  for field, value in pairs(relay) do
    flat[#flat + 1] = field
    flat[#flat + 1] = value
  end
  return flat
end
