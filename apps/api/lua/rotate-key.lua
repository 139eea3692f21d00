--[[
  Gives an API key another secret; the one before stays good until a time. Atomic, so that of two rotations at once each
  replaces what it found and neither hands out a secret that was never good.

  KEYS[1] the key's record, `{aegis:keys}:key:<id>`
  ARGV    salt, hash, until when the secret before stays good (Unix ms)
  Returns 1, or 0 when there is no such key or it was revoked
]]
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[1], 'revokedAt') == 1 then return 0 end
local before = redis.call('HMGET', KEYS[1], 'salt', 'hash')
redis.call('HSET', KEYS[1], 'oldSalt', before[1], 'oldHash', before[2], 'oldUntil', ARGV[3],
  'salt', ARGV[1], 'hash', ARGV[2])
return 1
