import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import { bearable, flood, frame, goodbye, marker, MARK, truncated, unbearable, type Burst, type Style } from './frames.js'
import { badHandshake, handshake } from './handshakes.js'
import { goodMessage } from './messages.js'
import type { Random } from './random.js'

/** What attackers have done. */
export interface Deeds {
  connections: number
  handshakes: number
  frames: number
  bytes: number
  /** How connections ended that the server has not let go of in a minute. */
  readonly stuck: string[]
}

type End = 'fatal' | 'goodbye' | 'fin' | 'reset' | 'truncated fin' | 'truncated reset' | 'leave'

const BAD_HANDSHAKES = 0.3
const DEAF = 0.05
const PATIENCE_MS = 60_000
// Beyond this no pong is waited for: the server has closed, or nobody reads what it sends.
const PONG_MS = 1000
const DEAF_MS = 200
const ENDS: ReadonlyArray<readonly [number, End]> = [[8, 'fatal'], [2, 'goodbye'], [1, 'fin'], [2, 'reset'], [1, 'truncated fin'], [1, 'truncated reset'], [1, 'leave']]
const EXTENSIONS = [
  'permessage-deflate', 'permessage-deflate; client_max_window_bits', 'permessage-deflate; server_no_context_takeover; client_no_context_takeover', 'permessage-deflate; server_max_window_bits=9'
]

/** One connection, from its first byte to its last. */
export class Attacker {
  readonly #random: Random
  readonly #port: number
  readonly #style: Style
  readonly #deeds: Deeds

  constructor (random: Random, port: number, style: Style, deeds: Deeds) {
    this.#random = random
    this.#port = port
    this.#style = style
    this.#deeds = deeds
  }

  async attack (name: string): Promise<void> {
    const socket = connect(this.#port, '127.0.0.1').on('error', () => {}).setNoDelay()
    const closed = new Promise<void>((resolve) => { socket.once('close', () => resolve()) })
    await Promise.race([once(socket, 'connect').catch(() => {}), closed])
    const what = this.#random.chance(BAD_HANDSHAKES) ? await this.#knock(socket) : await this.#enter(socket)
    const patience = setTimeout(() => {
      this.#deeds.stuck.push(`${name}: ${what}`)
      socket.destroy()
    }, PATIENCE_MS)
    await closed
    clearTimeout(patience)
  }

  async #knock (socket: Socket): Promise<string> {
    const random = this.#random
    this.#deeds.handshakes++
    socket.resume()
    await this.#write(socket, badHandshake(random, this.#port, random.pick(['/main', '/wide', '/plain']), this.#style))
    await delay(random.below(5))
    if (random.chance(0.5)) socket.end()
    else socket.resetAndDestroy()
    return 'handshake'
  }

  async #enter (socket: Socket): Promise<End> {
    const random = this.#random
    const path = random.weighted([[5, '/main'], [4, '/wide'], [1, '/plain']] as const)
    const end = random.weighted(ENDS)
    const isEager = random.chance(0.3)
    const isDeaf = random.chance(DEAF)
    this.#deeds.connections++
    socket.write(handshake(this.#port, path, this.#style.isDeflated ? [['Sec-WebSocket-Extensions', random.pick(EXTENSIONS)]] : []))
    // Who is eager speaks before it is let in.
    if (!isEager) await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => {})
    const heard = isDeaf ? delay(DEAF_MS) : this.#hear(socket)
    if (isDeaf) socket.pause()
    await this.#write(socket, this.#speech(path, end, isDeaf))
    // Who does not wait leaves much unread.
    if (isDeaf || random.chance(0.8)) await heard
    await this.#leave(socket, end)
    // What is left to be read would hide the end.
    socket.resume()
    return end
  }

  // Resolves when everything before the end was read.
  async #hear (socket: Socket): Promise<void> {
    let tail = ''
    const heard = new Promise<void>((resolve) => socket.on('data', (data: Buffer) => {
      const text = tail + data.toString('latin1')
      tail = text.slice(-MARK.length)
      if (text.includes(MARK)) resolve()
    }).once('close', resolve))
    await Promise.race([heard, delay(PONG_MS, undefined, { ref: false })])
  }

  #speech (path: string, end: End, isDeaf: boolean): Buffer {
    const random = this.#random
    const bursts: Burst[] = []
    if (isDeaf) bursts.push(flood(random, this.#style))
    for (let left = random.pick([3, 30, 100, 250]); left > 0; left -= bursts.at(-1)!.frames) {
      bursts.push(path === '/plain' && random.chance(0.7) ? { bytes: frame(random, 0x81, goodMessage(random)), frames: 1 } : bearable(random, this.#style))
    }
    bursts.push(marker(random))
    if (end === 'fatal') bursts.push(unbearable(random, this.#style))
    if (end === 'goodbye') bursts.push(goodbye(random))
    if (end.startsWith('truncated')) bursts.push(truncated(random, this.#style))
    for (const { frames } of bursts) this.#deeds.frames += frames
    return Buffer.concat(bursts.map(({ bytes }) => bytes))
  }

  async #leave (socket: Socket, end: End): Promise<void> {
    const random = this.#random
    if (end === 'goodbye') return
    await delay(random.below(30))
    if (end === 'reset' || end === 'truncated reset') socket.resetAndDestroy()
    else if (end === 'leave') socket.destroy()
    else socket.end()
  }

  // In one piece, in some, or in crumbs.
  async #write (socket: Socket, bytes: Buffer): Promise<void> {
    const random = this.#random
    this.#deeds.bytes += bytes.length
    const largest = random.pick([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 4096, 700, 40])
    // Crumbs are for the first bytes: they take long.
    for (let at = 0, pieces = 0; at < bytes.length && !socket.destroyed; pieces++) {
      const piece = pieces > 30 || largest === Number.POSITIVE_INFINITY ? bytes.length - at : random.between(1, largest)
      socket.write(bytes.subarray(at, at + piece))
      at += piece
      await turn()
    }
  }
}
