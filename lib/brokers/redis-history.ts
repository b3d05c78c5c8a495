import type { BrokerHistory, HistoryBounds, HistoryPart, Position } from '../../types/broker.js'
import type { RedisChannels } from './redis-channels.js'
import { idText, parseEntry } from './redis-entry.js'
import { Epochs, positionOf } from './redis-epochs.js'
import { APPEND, READ, type RunScript } from './redis-scripts.js'

// The top outlives the messages: a client that returns to a topic without news missed nothing.
const TOP_LIFETIMES = 10

/** Recoverable topics in Redis: each is a list of the very texts that are announced. */
export class RedisHistory implements BrokerHistory {
  readonly #channels: RedisChannels
  readonly #run: RunScript
  readonly #epochs = new Epochs()

  constructor (channels: RedisChannels, run: RunScript) {
    this.#channels = channels
    this.#run = run
  }

  async append (topic: string, message: string, bounds: HistoryBounds, id?: string): Promise<Position> {
    const channels = this.#channels
    const place = [channels.publish, channels.of(topic), String(bounds.maxMessages), idText(id), message]
    const answer = await this.#run(topic, APPEND, channels.keysOf(topic), [...this.#terms(bounds), ...place])
    return positionOf(answer as string[])
  }

  async read (topic: string, since: Position | undefined, limit: number, bounds: HistoryBounds): Promise<HistoryPart> {
    const place = [String(since?.offset ?? 0), String(limit)]
    const answer = await this.#run(topic, READ, this.#channels.keysOf(topic), [...this.#terms(bounds), ...place]) as string[]
    return { top: positionOf(answer), messages: answer.slice(2).map((entry) => parseEntry(entry)!) }
  }

  #terms ({ maxAgeMs }: HistoryBounds): readonly string[] {
    return [String(maxAgeMs), String(maxAgeMs * TOP_LIFETIMES), this.#epochs.next()]
  }
}
