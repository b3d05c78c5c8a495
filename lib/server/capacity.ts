import type { Duplex } from 'node:stream'
import * as errors from './errors.js'

// So that one client has one address, whichever way its connections came.
const MAPPED_IPV4 = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i

/** How many connections there may be, from their handshakes to the end of their sockets. */
export class Capacity {
  readonly #max: number
  readonly #maxPerIp: number
  readonly #byIp: Map<string, number> = new Map()
  #size = 0

  constructor (max: number, maxPerIp: number) {
    this.#max = max
    this.#maxPerIp = maxPerIp
  }

  get size (): number {
    return this.#size
  }

  /** How many addresses have a place. */
  get addresses (): number {
    return this.#byIp.size
  }

  /**
   * Takes a place until the socket is closed.
   * @throws FST_TYPED_WS_TOO_MANY_CONNECTIONS, FST_TYPED_WS_TOO_MANY_CONNECTIONS_PER_IP
   */
  take (address: string | undefined, socket: Duplex): void {
    if (this.#max === Number.POSITIVE_INFINITY && this.#maxPerIp === Number.POSITIVE_INFINITY) return
    // Who has left already would never give it back.
    if (socket.destroyed) return
    // A Unix socket has no address.
    const ip = String(address).replace(MAPPED_IPV4, '')
    if (this.#size >= this.#max) throw new errors.TooManyConnections()
    if (this.#of(ip) >= this.#maxPerIp) throw new errors.TooManyConnectionsPerIp()
    this.#add(ip, 1)
    socket.once('close', () => this.#add(ip, -1))
  }

  #of (ip: string): number {
    return this.#byIp.get(ip) ?? 0
  }

  #add (ip: string, places: 1 | -1): void {
    const count = this.#of(ip) + places
    this.#size += places
    if (count === 0) this.#byIp.delete(ip)
    else this.#byIp.set(ip, count)
  }
}
