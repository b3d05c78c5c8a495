// @ts-check
// A client that hears the numbers of one room, and notices what is lost, doubled or swapped.
import { WebSocket } from 'ws'
import { createClient } from '../../dist/lib/client/index.js'
import { recovery } from '../../dist/lib/client/recovery.js'

const RETRY = { minDelayMs: 10, maxDelayMs: 300 }

export class Listener {
  /** The number of times that it was told that events may be missing. */
  told = 0
  /** @type {string[]} */
  faults = []
  #last = -1
  // Told, and not yet past the hole.
  #mayJump = false
  /** @type {WebSocket | undefined} */
  #ws
  #client

  /**
   * @param {number} room
   * @param {() => string} originOfAny - the origin of some node
   */
  constructor (room, originOfAny) {
    this.room = room
    const note = (/** @type {WebSocket} */ ws) => { this.#ws = ws }
    this.#client = createClient(`ws://127.0.0.1/${room}`, /** @type {any} */ ({
      protocol: 'chaos.v1',
      recover: recovery(),
      retry: RETRY,
      WebSocket: class extends WebSocket {
        /** @param {string} _url @param {string[]} protocols */
        constructor (_url, protocols) {
          super(`${originOfAny()}/${room}`, protocols)
          note(this.on('error', () => {}))
        }
      }
    }))
    // A handshake that was cut off.
    this.#client.onError(() => {})
    this.#client.on('number', (/** @type {any} */ { number }) => this.#take(number))
    const recovering = /** @type {any} */ (this.#client)
    recovering.onRecovered((/** @type {any} */ { recovered }) => {
      if (recovered) return
      this.told++
      this.#mayJump = true
    })
  }

  get isOpen () {
    return this.#client.state === 'open'
  }

  /** @param {number} last - the last number of its room */
  hasAll (last) {
    return this.#last === last || this.#mayJump
  }

  get last () {
    return this.#last
  }

  cut () {
    this.#ws?.terminate()
  }

  close () {
    this.#client.close()
  }

  /** @param {number} number */
  #take (number) {
    if (number <= this.#last) this.faults.push(`${number} is doubled or swapped, behind ${this.#last}`)
    else if (number !== this.#last + 1 && !this.#mayJump) this.faults.push(`${this.#last + 1} to ${number - 1} are lost`)
    this.#last = number
    this.#mayJump = false
  }
}
