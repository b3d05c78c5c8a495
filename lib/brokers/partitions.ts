const PARTITIONS = 256
const SLOTS = 16_384

/**
 * Hash tags of 256 partitions, spread evenly over the slots of a Redis Cluster
 * (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/).
 */
export class Partitions {
  readonly #tags: readonly string[] = tags()

  indexOf (topic: string): number {
    return crc16(topic) % PARTITIONS
  }

  tagOf (topic: string): string {
    return this.#tags[this.indexOf(topic)]!
  }

  /** So many of the tags, evenly spread. */
  spread (count: number): readonly string[] {
    return this.#tags.filter((_tag, index) => index % (PARTITIONS / count) === 0)
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

/** CRC-16/XMODEM, by which Redis finds the slot of a key. */
export function crc16 (text: string): number {
  let crc = 0
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  }
  return crc & 0xffff
}
