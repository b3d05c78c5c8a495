import type { BinaryEvents } from '../../types/binary.js'
import type { Binary, Off } from '../../types/client.js'
import { HAS_BINARY } from '../protocol.js'
import { invalidMessage } from './errors.js'
import { partOf } from './part.js'
import type { Unsent } from './send-queue.js'

export type { BinaryClient, BinaryEvents } from '../../types/binary.js'

type Message = Record<string, unknown>

/**
 * Lets a client send and hear the events of its contract that have a binary frame.
 *
 * @example
 * import { createClient } from 'fastify-typed-ws/client'
 * import { binaryEvents } from 'fastify-typed-ws/binary'
 *
 * const client = createClient<typeof chat>('/chat', { protocol, binary: binaryEvents() })
 * client.on('image', ({ mime }, data) => show(new Blob([data], { type: mime })))
 * client.sendBinary('image', { caption: 'The sea' }, file)
 */
export function binaryEvents (): BinaryEvents {
  return partOf('binary', 'binaryEvents', (Base) => class extends Base {
    // Gives the event that awaits its binary frame to its listeners.
    #event: (() => void) | undefined
    #binary: ArrayBuffer | undefined

    override sendBinary (...event: [Binary] | [type: string, payload: object, data: Binary]): boolean {
      if (event.length === 1) return super.sendBinary(event[0])
      const [type, payload, data] = event
      const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
      return this.put({ event: this.textOf(type, payload), data: bytes })
    }

    override on (type: string, listener: (payload: unknown, data?: ArrayBuffer) => void): Off {
      return super.on(type, (payload) => listener(payload, this.#binary))
    }

    override put (message: Unsent): boolean {
      if (message.event !== undefined && this.isOpen) this.ws!.send(message.event as never)
      return super.put(message)
    }

    // An event whose connection was lost before its frame came is lost with it.
    override up (): void {
      this.#event = undefined
      super.up()
    }

    override received (data: string | ArrayBuffer): void {
      const event = this.#event
      this.#event = undefined
      if (!event || typeof data === 'string') {
        if (event) this.failed(invalidMessage('an event came without its binary frame'))
        return super.received(data)
      }
      this.#binary = data
      event()
      this.#binary = undefined
    }

    protected override take (type: string, ref: number | undefined, payload: Message): void {
      // This throws when the type is no string.
      if (!payload[HAS_BINARY] || type.startsWith('$')) return super.take(type, ref, payload)
      const { [HAS_BINARY]: _, ...event } = payload
      this.#event = () => super.take(type, ref, event)
    }
  })
}
