import { crc16 } from './hash.js'

const PARTITIONS = 256
const SLOTS = 16_384

/**
 * Hash tags of 256 partitions, spread evenly over the slots of a Redis Cluster
 * (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/).
 */
export class Partitions {
  readonly #tags: readonly string[] = tags()
  readonly #slots: readonly number[] = this.#tags.map((tag) => crc16(tag) % SLOTS)

  indexOf (topic: string): number {
    return crc16(topic) % PARTITIONS
  }

  tagOf (topic: string): string {
    return this.#tags[this.indexOf(topic)]!
  }

  tagAt (index: number): string {
    return this.#tags[index]!
  }

  /** The partitions of the slots from `first` to `last`. */
  * between (first: number, last: number): Iterable<number> {
    for (const [index, slot] of this.#slots.entries()) if (slot >= first && slot <= last) yield index
  }

  get count (): number {
    return PARTITIONS
  }
}

// The smallest number whose slot lies in each 256th of the slots.
function tags (): readonly string[] {
  const found: string[] = []
  for (let number = 0, left = PARTITIONS; left > 0; number++) {
    const part = Math.floor((crc16(String(number)) % SLOTS) / (SLOTS / PARTITIONS))
    if (found[part] !== undefined) continue
    found[part] = String(number)
    left--
  }
  return found
}
