import { isDeepStrictEqual } from 'node:util'
import type { RawData, WebSocket } from 'ws'
import { Fault, Inbox } from './inbox.js'

export type Message = Readonly<Record<string, unknown>>

/** Waits for something of the client, and for no longer than a trial may. */
export type Within = <T>(what: string, promise: Promise<T>) => Promise<T>

const OPEN = 1
const CLOSED = 3

/** One connection of a client that is tried. */
export class Connection {
  /** The subprotocols that the client offered. */
  readonly offered: readonly string[]
  /** The time at which the client asked for it. */
  readonly askedMs: number
  /** The time at which the server ended it. */
  endedMs = 0
  /** The client's `$ping` is answered, and not given to the case. */
  answersPing = true
  readonly #ws: WebSocket
  readonly #within: Within
  readonly #frames = new Inbox<Message | Buffer>()
  readonly #closed: Promise<number>
  readonly #refs = new Set<unknown>()

  constructor (ws: WebSocket, offered: readonly string[], askedMs: number, within: Within) {
    this.#ws = ws
    this.offered = offered
    this.askedMs = askedMs
    this.#within = within
    ws.on('message', (data, isBinary) => this.#take(data, isBinary))
    // A frame that breaks the protocol closes the connection: the close is what a case hears of.
    ws.on('error', () => {})
    this.#closed = new Promise((resolve) => ws.once('close', resolve))
    void this.#closed.then((code) => this.#frames.end(new Fault(`the connection ended with ${code}`)))
  }

  get isOpen (): boolean {
    return this.#ws.readyState === OPEN
  }

  /** The server has ended it, or the client has. */
  get isGone (): boolean {
    return this.endedMs > 0 || this.#ws.readyState === CLOSED
  }

  send (message: Message | Uint8Array): void {
    this.#ws.send(message instanceof Uint8Array ? message : JSON.stringify(message))
  }

  /** Sends one message in as many frames as there are parts. */
  sendInFragments (parts: readonly Uint8Array[], isBinary: boolean): void {
    for (const [i, part] of parts.entries()) this.#ws.send(part, { binary: isBinary, fin: i === parts.length - 1 })
  }

  /** Sends a ping frame, and resolves with the bytes of the pong. */
  async ping (data: string): Promise<string> {
    const pong = new Promise<string>((resolve) => this.#ws.once('pong', (data: Buffer) => resolve(data.toString())))
    this.#ws.ping(data)
    return await this.#within('a pong frame', pong)
  }

  /** The next message of the client. */
  async next (what: string): Promise<Message | Buffer> {
    return await this.#within(what, this.#frames.next())
  }

  /** Takes the next message, which must be this one. */
  async expect (wanted: Message | Buffer): Promise<void> {
    const found = await this.next(printed(wanted))
    if (!isDeepStrictEqual(found, wanted)) throw new Fault(`wanted ${printed(wanted)}, got ${printed(found)}`)
  }

  /** Takes as many messages as are wanted, in any order. */
  async expectAll (...wanted: readonly Message[]): Promise<void> {
    const missing = [...wanted]
    while (missing.length > 0) {
      const found = await this.next(missing.map(printed).join(' and '))
      const at = missing.findIndex((message) => isDeepStrictEqual(message, found))
      if (at === -1) throw new Fault(`wanted ${missing.map(printed).join(' or ')}, got ${printed(found)}`)
      missing.splice(at, 1)
    }
  }

  /**
   * Lets the client ask.
   * @returns the `ref` of its question.
   */
  async ask (command: { readonly type: 'call' | 'stream', readonly id: number, readonly take?: number }): Promise<number> {
    this.send(command)
    const { id } = command
    const type = command.type === 'call' ? 'ask' : 'items'
    const found = await this.next(`"${type}" with the id ${id} and a ref`) as { ref?: number }
    const { ref } = found
    if (!Number.isSafeInteger(ref) || ref! < 1 || !isDeepStrictEqual(found, { type, ref, id })) {
      throw new Fault(`wanted {"type":"${type}","ref":a positive integer,"id":${id}}, got ${printed(found)}`)
    }
    if (this.#refs.has(ref)) throw new Fault(`the ref ${ref} belongs to another question`)
    this.#refs.add(ref)
    return ref!
  }

  /** Answers a question for good. */
  answer (ref: number, answer: Message): void {
    this.#refs.delete(ref)
    this.send({ ...answer, ref })
  }

  /** Takes the result of a question that was lost, with the items that came. */
  async expectLost (id: number, items: readonly unknown[] = []): Promise<void> {
    const found = await this.next(`"result" with the id ${id} and an error`) as { error?: unknown, data?: unknown }
    const { error, data = [] } = found
    if (!isDeepStrictEqual({ ...found, data }, { type: 'result', id, data: items, error }) || typeof error !== 'object') {
      throw new Fault(`wanted {"type":"result","id":${id},"error":{…}} and the data ${JSON.stringify(items)}, got ${printed(found)}`)
    }
  }

  /** Resolves when all was handled that was sent before, and nothing else came. */
  async settle (): Promise<void> {
    this.send({ type: 'echo', value: 'is that all?' })
    await this.expect({ type: 'echo', value: 'is that all?' })
  }

  /** Resolves with the code by which the client closes. */
  async closed (what: string): Promise<number> {
    return await this.#within(what, this.#closed)
  }

  /** @param code - 1005: none; 1006: the connection breaks. */
  close (code: number, reason = ''): void {
    this.endedMs = performance.now()
    if (code === 1006) this.#ws.terminate()
    else if (code === 1005) this.#ws.close()
    else this.#ws.close(code, reason)
  }

  #take (data: RawData, isBinary: boolean): void {
    if (isBinary) return this.#frames.push(data as Buffer)
    const message = parsed(data as Buffer)
    if (message?.['type'] === '$ping' && this.answersPing) this.send({ type: '$pong' })
    else if (message !== undefined) this.#frames.push(message)
    else this.#frames.end(new Fault(`the client sent a text that is no JSON object: ${String(data as Buffer).slice(0, 80)}`))
  }
}

/** A message as a reason has it: cut where it is long. */
export function printed (message: Message | Buffer): string {
  const text = Buffer.isBuffer(message) ? `${message.length} bytes ${message.toString('hex')}` : JSON.stringify(message)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

function parsed (data: Buffer): Message | undefined {
  try {
    const value: unknown = JSON.parse(data.toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Message : undefined
  } catch {
    return undefined
  }
}
