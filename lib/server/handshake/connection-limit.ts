import { isIPv6 } from 'node:net'
import * as errors from '../errors.js'

// RFC 4291 §2.5.5.2, as URL writes it.
const MAPPED_IPV4 = /^::ffff:([\da-f]+):([\da-f]+)$/

/** How many connections there may be, from their handshakes to the end of their sockets. */
export class ConnectionLimit {
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
  acquire (address: string | undefined): () => void {
    const ip = address && networkOf(address)
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

/**
 * One client: an IPv4 address, whichever way it is written, or the first 64 bits of an IPv6 one,
 * whose rest a client may choose (RFC 6177).
 */
function networkOf (address: string): string {
  if (!isIPv6(address)) return address
  const ip = new URL(`http://[${address.replace(/%.*/, '')}]`).hostname.slice(1, -1)
  const mapped = MAPPED_IPV4.exec(ip)
  if (mapped !== null) return mapped.slice(1).flatMap((group) => bytesOf(group)).join('.')
  const [head = [], tail = []] = ip.split('::').map((groups) => groups.split(':').filter(Boolean))
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => '0'), ...tail].slice(0, 4).join(':')
}

function bytesOf (group: string): [number, number] {
  const bits = Number.parseInt(group, 16)
  return [bits >> 8, bits & 0xff]
}
