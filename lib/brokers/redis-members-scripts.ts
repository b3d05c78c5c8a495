import { scriptOf, type RedisScript } from './redis-scripts.js'

// The offset is the clock of Redis in µs, as that of a stored message is.
const CLOCK = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local nowMs = math.floor(now / 1000)
`

// Leases are scored by the ms of their end, and live no longer than the last of them. A half of a
// ms marks one that was given with a member: it was not renewed, and the one before it has ended.
const GIVEN = 0.5
const LEASING = `
local function endOf (leases, node)
  return tonumber(redis.call('ZSCORE', leases, node) or 0)
end

local function giveLease (leases, node, leaseMs)
  redis.call('ZADD', leases, nowMs + leaseMs, node)
  redis.call('ZREMRANGEBYSCORE', leases, '-inf', nowMs)
  local last = redis.call('ZRANGE', leases, -1, -1, 'WITHSCORES')
  redis.call('PEXPIRE', leases, math.ceil(last[2] - nowMs))
end
`

// The field without a name is the position of the map: no member has such a name. A map without
// members keeps it for a while, so that the next change follows.
const MAP = `
local function keep (map)
  redis.call('PEXPIRE', map, redis.call('HLEN', map) > 1 and 3600000 or 60000)
end

local function positionOf (map)
  return string.match(redis.call('HGET', map, '') or '', '^(%S+) (%d+)$')
end
`

/**
 * Puts members and announces those that have changed. The keys are the map of the topic and the
 * leases; a member that is taken out has no text. What Redis may refuse comes first: nothing is
 * announced that is not stored.
 */
export const PUT: RedisScript = scriptOf(`${CLOCK}${LEASING}${MAP}
local map, leases = KEYS[1], KEYS[2]
local node, leaseMs, newEpoch, publish, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if endOf(leases, node) <= nowMs then giveLease(leases, node, leaseMs + ${GIVEN}) end
local changes = {}
for n = 6, #ARGV, 2 do
  local text = string.sub(ARGV[n + 1], 1, 1) == '+' and string.sub(ARGV[n + 1], 2)
  if redis.call('HGET', map, ARGV[n]) ~= text then
    changes[#changes + 1] = ARGV[n]
    changes[#changes + 1] = text
  end
end
if #changes == 0 then return 0 end
local epoch, previous = positionOf(map)
if not epoch then epoch, previous = newEpoch, string.format('%.0f', now) end
local offset = string.format('%.0f', math.max(previous + 1, now))
redis.call('HSET', map, '', epoch .. ' ' .. offset)
redis.call('HDEL', map, ' ')
keep(map)
redis.call(publish, channel, '\\1+' .. epoch .. ' ' .. offset .. ' ' .. previous .. '\\n' .. cjson.encode(changes))
for n = 1, #changes, 2 do
  if changes[n + 1] then redis.call('HSET', map, changes[n], changes[n + 1]) else redis.call('HDEL', map, changes[n]) end
end
keep(map)
return #changes / 2
`)

/** Tells a map with its position, and the nodes with a lease; a new map is given a position. */
export const ALL: RedisScript = scriptOf(`${CLOCK}${MAP}
local map, leases, newEpoch = KEYS[1], KEYS[2], ARGV[1]
if not positionOf(map) then redis.call('HSET', map, '', newEpoch .. ' ' .. string.format('%.0f', now)) end
keep(map)
return { redis.call('ZRANGE', leases, '(' .. nowMs, '+inf', 'BYSCORE'), redis.call('HGETALL', map) }
`)

/** Renews the lease of a node; tells whether it was good, and the nodes that have one. */
export const LEASE: RedisScript = scriptOf(`${CLOCK}${LEASING}
local leases, node, leaseMs = KEYS[1], ARGV[1], ARGV[2]
local former = endOf(leases, node)
giveLease(leases, node, leaseMs)
return { former > nowMs and former % 1 == 0 and 1 or 0, redis.call('ZRANGE', leases, 0, -1) }
`)

/** Keeps maps, and tells their positions; a map that is not there has an empty one. */
export const KEEP: RedisScript = scriptOf(`${MAP}
local answer = {}
for n, map in ipairs(KEYS) do
  answer[n] = redis.call('HGET', map, '') or ''
  if answer[n] ~= '' then keep(map) end
end
return answer
`)
