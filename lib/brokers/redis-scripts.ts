import { createHash } from 'node:crypto'
import { within, type BrokerError } from './failure.js'
import { COMMAND_TIMEOUT_MS } from './redis-connection.js'

/** A script of Redis, and the name that Redis knows it by. */
export interface RedisScript {
  readonly text: string
  readonly sha: string
}

// The keys are the top of a topic, its history, and the ids that it has. The offset is the clock of
// Redis in µs, so that one of an older snapshot is not used twice, and an entry tells its age. Lua
// writes a number of 16 digits with an exponent, unless it is formatted.
const COMMON = `
local TOP, HISTORY, IDS = KEYS[1], KEYS[2], KEYS[3]
local maxAgeMs, topMs, newEpoch = ARGV[1], ARGV[2], ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function offsetOf (entry)
  return tonumber(string.match(entry, ' (%d+)'))
end

local function forget (count)
  for _, entry in ipairs(redis.call('LPOP', HISTORY, count) or {}) do
    local id = string.match(entry, '^%S+ %d+ %d+ ([^\\n]*)')
    if id ~= '' then redis.call('HDEL', IDS, id) end
  end
end

local function forgetOld ()
  local oldest = now - maxAgeMs * 1000
  local entry = redis.call('LINDEX', HISTORY, 0)
  while entry and offsetOf(entry) < oldest do
    forget(1)
    entry = redis.call('LINDEX', HISTORY, 0)
  end
end

local epoch, top = string.match(redis.call('GET', TOP) or '', '^(%S+) (%d+)$')
if epoch then
  forgetOld()
else
  redis.call('DEL', HISTORY, IDS)
  epoch, top = newEpoch, string.format('%.0f', now)
end
`

/**
 * Numbers a message, stores and announces it. What Redis may refuse comes first: nothing is
 * announced that is not stored, and nothing is stored that is refused.
 */
export const APPEND: RedisScript = scriptOf(`${COMMON}
local publish, channel, maxMessages, id, message = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local known = id ~= '' and redis.call('HGET', IDS, id)
if known then return { epoch, known } end
local offset = string.format('%.0f', math.max(top + 1, now))
local entry = '\\1' .. epoch .. ' ' .. offset .. ' ' .. top .. ' ' .. id .. '\\n' .. message
redis.call('SET', TOP, epoch .. ' ' .. offset, 'PX', topMs)
redis.call(publish, channel, entry)
local excess = redis.call('RPUSH', HISTORY, entry) - maxMessages
if excess > 0 then forget(excess) end
redis.call('PEXPIRE', HISTORY, maxAgeMs)
if id ~= '' then redis.call('HSET', IDS, id, offset) end
redis.call('PEXPIRE', IDS, maxAgeMs)
return { epoch, offset }
`)

/** Tells the top, and the newest entries behind an offset; a topic without a top is given one. */
export const READ: RedisScript = scriptOf(`${COMMON}
local since, limit = tonumber(ARGV[4]), tonumber(ARGV[5])
if redis.call('PEXPIRE', TOP, topMs) == 0 then redis.call('SET', TOP, epoch .. ' ' .. top, 'PX', topMs) end
local answer = { epoch, top }
if limit == 0 then return answer end
local size, entries = since == 0 and limit or 4, nil
repeat
  size = math.min(size * 4, limit)
  entries = redis.call('LRANGE', HISTORY, -size, -1)
until size == limit or #entries < size or offsetOf(entries[1]) <= since
for _, entry in ipairs(entries) do
  if offsetOf(entry) > since then answer[#answer + 1] = entry end
end
return answer
`)

/** Runs scripts over one connection at a time. */
export class RedisScripts {
  readonly #send: (words: readonly string[]) => Promise<unknown>
  readonly #known = new Set<RedisScript>()

  constructor (send: (words: readonly string[]) => Promise<unknown>) {
    this.#send = send
  }

  /**
   * The first command of a connection carries the whole script, and those behind it its name: Redis
   * runs them in their order, also after it has forgotten all scripts.
   * @throws BrokerError, by rejecting.
   */
  async run (script: RedisScript, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...values]
    const endMs = performance.now() + COMMAND_TIMEOUT_MS
    try {
      return await this.#send([...this.#nameOf(script), ...rest])
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return await within(this.#send(['EVAL', script.text, ...rest]), endMs - performance.now(), 'Redis')
    }
  }

  /** The connection is another one. */
  forget (): void {
    this.#known.clear()
  }

  #nameOf (script: RedisScript): readonly string[] {
    if (this.#known.has(script)) return ['EVALSHA', script.sha]
    this.#known.add(script)
    return ['EVAL', script.text]
  }
}

function isUnknownScript (error: unknown): boolean {
  const { cause } = error as BrokerError
  return cause instanceof Error && cause.message.startsWith('NOSCRIPT')
}

/**
 * Runs a script where a topic is.
 * @throws BrokerError, by rejecting.
 */
export type RunScript = (topic: string, script: RedisScript, keys: readonly string[], values: readonly string[]) => Promise<unknown>

/** A script by its text. */
export function scriptOf (text: string): RedisScript {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}
