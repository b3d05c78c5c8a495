import { isIPv6 } from 'node:net'
import * as errors from '../errors.js'

// RFC 4291 §2.5.5.2, as URL writes it.
const MAPPED_IPV4 = /^::ffff:([\da-f]+):([\da-f]+)$/

/** The limits on connections, each counted from its handshake to the end of its stream. */
export class ConnectionLimit {
  /** False when neither limit is finite. */
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

  /** The number of addresses that have a place. */
  get addresses (): number {
    return this.#byIp.size
  }

  /**
   * Takes a place.
   * @param address - undefined for the clients of a Unix socket: they share no limit per address.
   * @returns a function that gives the place back. A second call of it does nothing.
   * @throws FST_TYPED_WS_TOO_MANY_CONNECTIONS, FST_TYPED_WS_TOO_MANY_CONNECTIONS_PER_IP
   */
  acquire (address: string | undefined): () => void {
    const ip = address && networkOf(address)
    // First the limit about which the client itself can do something.
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
 * The part of an address that stands for one client: an IPv4 address in its usual form, or the
 * first 64 bits of an IPv6 address. A client may choose the rest of them (RFC 6177).
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
