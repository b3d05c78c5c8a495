import * as errors from './errors.js'

// So that one client has one address, whichever way its connections came.
const MAPPED_IPV4 = /^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i

/** How many connections there may be, from their handshakes to the end of their sockets. */
export class Capacity {
  /** Whether anything is counted. */
  readonly isLimited: boolean
  readonly #max: number
  readonly #maxPerIp: number
  readonly #byIp: Map<string, number> = new Map()
  #size = 0

  constructor (max: number, maxPerIp: number) {
    this.#max = max
    this.#maxPerIp = maxPerIp
    this.isLimited = Math.min(max, maxPerIp) < Number.POSITIVE_INFINITY
  }

  get size (): number {
    return this.#size
  }

  /** How many addresses have a place. */
  get addresses (): number {
    return this.#byIp.size
  }

  /**
   * Takes a place.
   * @param address - undefined for the clients of a Unix socket, which have none to be told apart by.
   * @returns what gives the place back, once, however often it is called.
   * @throws FST_TYPED_WS_TOO_MANY_CONNECTIONS, FST_TYPED_WS_TOO_MANY_CONNECTIONS_PER_IP
   */
  take (address: string | undefined): () => void {
    const ip = address?.replace(MAPPED_IPV4, '')
    // First what the client itself can mend.
    if (ip !== undefined && this.#of(ip) >= this.#maxPerIp) throw new errors.TooManyConnectionsPerIp()
    if (this.#size >= this.#max) throw new errors.TooManyConnections()
    let isTaken = true
    this.#add(ip, 1)
    return () => {
      if (isTaken) this.#add(ip, -1)
      isTaken = false
    }
  }

  #of (ip: string): number {
    return this.#byIp.get(ip) ?? 0
  }

  #add (ip: string | undefined, places: 1 | -1): void {
    this.#size += places
    if (ip === undefined) return
    const count = this.#of(ip) + places
    if (count === 0) this.#byIp.delete(ip)
    else this.#byIp.set(ip, count)
  }
}
