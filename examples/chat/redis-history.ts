import type { Redis } from 'ioredis'
import type { Entry } from './contract.js'
import { MAX_ENTRIES, type History } from './history.js'

const ENTRIES = 'chat:entries'
const ONE_DAY_S = 24 * 60 * 60

/** A history that all nodes share. */
export class RedisHistory implements History {
  readonly #redis: Redis

  constructor (redis: Redis) {
    this.#redis = redis
  }

  async add (entry: Entry, image?: Buffer): Promise<void> {
    const writes = this.#redis.multi().rpush(ENTRIES, JSON.stringify(entry)).ltrim(ENTRIES, -MAX_ENTRIES, -1)
    writes.expire(ENTRIES, ONE_DAY_S)
    if (image !== undefined) writes.set(keyOf(entry.id), image, 'EX', ONE_DAY_S)
    await writes.exec()
  }

  async remove (entry: Entry): Promise<void> {
    await this.#redis.multi().lrem(ENTRIES, -1, JSON.stringify(entry)).del(keyOf(entry.id)).exec()
  }

  async since (date: number): Promise<Entry[]> {
    const entries = await this.#redis.lrange(ENTRIES, 0, -1)
    return entries.map((text) => JSON.parse(text) as Entry).filter((entry) => entry.date >= date)
  }

  async image (id: string): Promise<Buffer | undefined> {
    return await this.#redis.getBuffer(keyOf(id)) ?? undefined
  }
}

function keyOf (id: string): string {
  return `chat:image:${id}`
}
