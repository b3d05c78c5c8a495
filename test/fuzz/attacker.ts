import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import { bearable, flood, frame, goodbye, marker, MARK, truncated, unbearable, type Burst, type Style } from './frames.js'
import { badHandshake, handshake } from './handshakes.js'
import type { LastWords } from './last-words.js'
import { answerTo, goodMessage } from './messages.js'
import type { Random } from './random.js'

/** Counts of the attackers' deeds. */
export interface Deeds {
  connections: number
  handshakes: number
  frames: number
  bytes: number
  /** Answers to calls of the server's that waited for one. */
  answers: number
  /** How connections ended that the server has not let go of in a minute. */
  readonly stuck: string[]
}

type End = 'fatal' | 'goodbye' | 'fin' | 'reset' | 'truncated fin' | 'truncated reset' | 'leave'

const BAD_HANDSHAKES = 0.3
const SILENT = 0.05
const PATIENCE_MS = 60_000
// Beyond this no pong is waited for: the server has closed, or nobody reads what it sends.
const PONG_MS = 1000
const SILENT_MS = 200
const ENDS: ReadonlyArray<readonly [number, End]> = [
  [8, 'fatal'],
  [2, 'goodbye'],
  [1, 'fin'],
  [2, 'reset'],
  [1, 'truncated fin'],
  [1, 'truncated reset'],
  [1, 'leave']
]
const LAST_WORDS = 0.15
const RASH = 0.4
// A call of the server's, in a frame that is not compressed.
const CALL = /"type":"(?:confirm|spell)","ref":(\d+)/g
const EXTENSIONS = [
  'permessage-deflate', 'permessage-deflate; client_max_window_bits',
  'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
  'permessage-deflate; server_max_window_bits=9'
]

/** One connection, from its first byte to its last. */
export class Attacker {
  readonly #random: Random
  readonly #port: number
  readonly #style: Style
  readonly #deeds: Deeds
  readonly #lastWords: LastWords
  // Answers wait until the current write is complete: inside a frame they would be part of it.
  readonly #answers: Buffer[] = []
  #isWriting = false

  constructor (random: Random, port: number, style: Style, deeds: Deeds, lastWords: LastWords) {
    this.#random = random
    this.#port = port
    this.#style = style
    this.#deeds = deeds
    this.#lastWords = lastWords
  }

  async attack (name: string): Promise<void> {
    const socket = connect(this.#port, '127.0.0.1').on('error', () => {}).setNoDelay()
    const closed = new Promise<void>((resolve) => { socket.once('close', () => resolve()) })
    await Promise.race([once(socket, 'connect').catch(() => {}), closed])
    const what = await this.#random.weighted<() => Promise<string>>([
      [BAD_HANDSHAKES, () => this.#knock(socket)],
      [LAST_WORDS, () => this.#sayLastWords(socket)],
      [1 - BAD_HANDSHAKES - LAST_WORDS, () => this.#enter(socket)]
    ])()
    const timeout = setTimeout(() => {
      this.#deeds.stuck.push(`${name}: ${what}`)
      socket.destroy()
    }, PATIENCE_MS)
    await closed
    clearTimeout(timeout)
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

  async #sayLastWords (socket: Socket): Promise<string> {
    const path = this.#lastWords.pathOf(this.#deeds.connections++)
    socket.write(handshake(this.#port, path, this.#extensions))
    await once(socket, 'data')
    socket.resume()
    const { bytes, frames } = await this.#lastWords.speak(this.#random, socket, path, this.#style)
    this.#deeds.frames += frames
    this.#deeds.bytes += bytes.length
    return 'last words'
  }

  get #extensions (): Array<readonly [string, string]> {
    return this.#style.isDeflated ? [['Sec-WebSocket-Extensions', this.#random.pick(EXTENSIONS)]] : []
  }

  async #enter (socket: Socket): Promise<End> {
    const random = this.#random
    const path = random.weighted([[5, '/main'], [4, '/wide'], [1, '/plain']] as const)
    const end = random.weighted(ENDS)
    const isEager = random.chance(0.3)
    const readsNothing = random.chance(SILENT)
    this.#deeds.connections++
    socket.write(handshake(this.#port, path, this.#extensions))
    // An eager client speaks before the handshake is answered.
    if (!isEager) await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => {})
    const heard = readsNothing ? delay(SILENT_MS) : this.#hear(socket)
    if (readsNothing) socket.pause()
    const farewell = this.#farewell(end)
    // A rash client says everything at once, and answers no calls.
    const isRash = random.chance(RASH)
    await this.#write(socket, isRash ? Buffer.concat([this.#speech(path, readsNothing), farewell]) : this.#speech(path, readsNothing))
    // A client that does not wait leaves much unread.
    if (readsNothing || random.chance(0.8)) await heard
    if (!isRash) await this.#write(socket, farewell)
    await this.#leave(socket, end)
    // Unread data would hide the end of the stream.
    socket.resume()
    return end
  }

  // Resolves when everything before the end was read.
  async #hear (socket: Socket): Promise<void> {
    let tail = ''
    const heard = new Promise<void>((resolve) => socket.on('data', (data: Buffer) => {
      const text = tail + data.toString('latin1')
      tail = text.slice(-MARK.length)
      for (const [, ref] of text.matchAll(CALL)) this.#answer(socket, Number(ref))
      if (text.includes(MARK)) resolve()
    }).once('close', resolve))
    await Promise.race([heard, delay(PONG_MS, undefined, { ref: false })])
  }

  // A call that is cut between two chunks gets no answer, and one that the tail repeats gets two.
  #answer (socket: Socket, ref: number): void {
    const random = this.#random
    if (random.chance(0.1)) return
    this.#deeds.answers++
    this.#answers.push(frame(random, 0x81, answerTo(random, ref)))
    if (!this.#isWriting) this.#writeAnswers(socket)
  }

  #writeAnswers (socket: Socket): void {
    for (const answer of this.#answers.splice(0)) if (socket.writable) socket.write(answer)
  }

  #speech (path: string, readsNothing: boolean): Buffer {
    const random = this.#random
    const bursts: Burst[] = []
    if (readsNothing) bursts.push(flood(random, this.#style))
    for (let left = random.pick([3, 30, 100, 250]); left > 0; left -= bursts.at(-1)!.frames) {
      const isPolite = path === '/plain' && random.chance(0.7)
      bursts.push(isPolite ? { bytes: frame(random, 0x81, goodMessage(random)), frames: 1 } : bearable(random, this.#style))
    }
    bursts.push(marker(random))
    for (const { frames } of bursts) this.#deeds.frames += frames
    return Buffer.concat(bursts.map(({ bytes }) => bytes))
  }

  #farewell (end: End): Buffer {
    const make = end === 'fatal' ? unbearable : end === 'goodbye' ? goodbye : end.startsWith('truncated') ? truncated : undefined
    if (make === undefined) return Buffer.alloc(0)
    const { bytes, frames } = make(this.#random, this.#style)
    this.#deeds.frames += frames
    return bytes
  }

  async #leave (socket: Socket, end: End): Promise<void> {
    const random = this.#random
    if (end === 'goodbye') return
    await delay(random.below(30))
    if (end === 'reset' || end === 'truncated reset') socket.resetAndDestroy()
    else if (end === 'leave') socket.destroy()
    else socket.end()
  }

  // Writes in one piece, in some pieces, or in crumbs.
  async #write (socket: Socket, bytes: Buffer): Promise<void> {
    const random = this.#random
    this.#isWriting = true
    this.#deeds.bytes += bytes.length
    const largest = random.pick([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 4096, 700, 40])
    // Crumbs are for the first bytes: they take long.
    for (let at = 0, pieces = 0; at < bytes.length && !socket.destroyed; pieces++) {
      const piece = pieces > 30 || largest === Number.POSITIVE_INFINITY ? bytes.length - at : random.between(1, largest)
      socket.write(bytes.subarray(at, at + piece))
      at += piece
      await turn()
    }
    this.#isWriting = false
    this.#writeAnswers(socket)
  }
}
