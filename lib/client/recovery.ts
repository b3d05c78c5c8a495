import type { ClientOptions, Fresh, Off } from '../../types/client.js'
import type { Recovered, Recovery, RecoveryOptions } from '../../types/recovery.js'
import { AT, RECOVER, TOPIC } from '../protocol.js'
import { Emitter } from './emitter.js'
import { offering } from './offering.js'
import { partOf } from './part.js'

export type { Recovered, RecoveringClient, Recovery, RecoveryOptions } from '../../types/recovery.js'

/** A message of the protocol about a topic. */
type Told = Recovered & { readonly epoch?: string, readonly offset: number }
type Message = Record<string, unknown>

/**
 * Lets a client have what it missed of recoverable topics while it reconnected: each event once and
 * in order, or `onRecovered` says that events are missing.
 *
 * @example
 * import { createClient } from 'fastify-typed-ws/client'
 * import { recovery } from 'fastify-typed-ws/recovery'
 *
 * const client = createClient<typeof chat>('/chat', { protocol: 'chat.v1', recover: recovery() })
 * client.onRecovered(({ topic, recovered }) => { if (!recovered) reload(topic) })
 */
export function recovery ({ positions = {} }: RecoveryOptions = {}): Recovery {
  return partOf('recover', 'recovery', (Base) => class extends Base {
    readonly #emitter = new Emitter()
    readonly #places = new Places(positions)
    // The same over all connections: the server leaves out what this client has published itself.
    readonly #name = `${Math.random()}-${Math.random()}`.replaceAll('.', '_')

    constructor (url: Fresh<string | URL>, options: ClientOptions) {
      super(url, offering(RECOVER, 'recover', options))
    }

    onRecovered (listener: (outcome: Recovered) => void): Off {
      return this.#emitter.on(0, listener)
    }

    // The first message of each connection.
    override up (): void {
      this.ws!.send(this.textOf('$recover', { client: this.#name, topics: Object.fromEntries(this.#places) }) as never)
      super.up()
    }

    protected override take (type: string, ref: number | undefined, payload: Message): void {
      if (type === TOPIC) return this.#tell(payload as unknown as Told)
      const { [AT]: at, ...event } = payload
      if (at === undefined || this.#places.move(at as [string, number])) super.take(type, ref, event)
    }

    #tell ({ epoch, offset, ...outcome }: Told): void {
      this.#places.put(outcome.topic, epoch, offset)
      if (outcome.recovered !== undefined) this.#emitter.emit(0, outcome)
    }
  })
}

/** The position in each topic. */
class Places extends Map<string, readonly [epoch: string, offset: number]> {
  constructor (positions: Readonly<Record<string, string>>) {
    super()
    for (const [topic, position] of Object.entries(positions)) {
      const [epoch, offset] = position.split('.') as [string, string]
      this.set(topic, [epoch, Number(offset)])
    }
  }

  put (topic: string, epoch: string | undefined, offset: number): void {
    if (epoch === undefined) this.delete(topic)
    else this.set(topic, [epoch, offset])
  }

  /** @returns false for an event that was seen before. */
  move ([topic, offset]: [topic: string, offset: number]): boolean {
    const [epoch, last] = this.get(topic) ?? []
    if (epoch === undefined) return true
    if (offset <= last!) return false
    this.set(topic, [epoch, offset])
    return true
  }
}
