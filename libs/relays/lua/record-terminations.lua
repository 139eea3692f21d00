--[[
  Records the answers to a TerminateInstances call for relays that must go. Fenced; atomic per batch.

  KEYS[1] region prefix
  ARGV    fence token, now, then per relay: id, instance id,
          'sent' (on its way) | 'ending' (on its way without us) | 'gone' (nothing left) | 'refused' |
          'wait' (nothing to tell yet),
          when to look at it again, note, awsRequestId or ''
  Returns { 'ok' | 'fenced', moves …, ids of the relays whose refusal was noted: one that has ended meanwhile was not refused }
]]
if fenced('relay_terminate', ARGV[1]) then return { 'fenced', moved } end
local now, refused = ARGV[2], {}
-- A refusal that goes on for days must not fill the store: after the first few, only each doubling is told.
local function worth_telling(tries) return tries < 4 or 2 ^ math.floor(math.log(tries) / math.log(2) + 1e-9) == tries end

for i = 3, #ARGV, 6 do
  local id, instance, outcome, again, note = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local request = ARGV[i + 5]
  local relay = load_relay(id)
  if relay and relay.state == 'terminating' and relay.inst == instance then
    if outcome == 'gone' then
      move(id, relay, end_state(relay, relay.reason), now, nil, { note = note, request = request })
    else
      if outcome == 'sent' then
        if not relay.sent then append_event(id, 'terminating', now, 'terminate_sent', nil, request) end
        set_fields(id, relay, { sent = now })
      elseif outcome == 'ending' then
        if not relay.sent then set_fields(id, relay, { sent = 0 }) end
      elseif outcome == 'refused' then
        local tries = (tonumber(relay.tries) or 0) + 1
        set_fields(id, relay, { tries = tries })
        refused[#refused + 1] = id
        if worth_telling(tries) then append_event(id, 'terminating', now, note, tries, request) end
      end
      redis.call('ZADD', INDEX.terminating, again, id)
    end
  end
end
return { 'ok', moved, refused }
