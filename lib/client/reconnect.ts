import type { ClientOptions, ClientState, Fresh, StateChange, WebSocketConstructor, WebSocketLike } from '../../types/client.js'
import { REFUSAL } from '../protocol.js'
import { after, type Timer } from '../timer.js'
import { invalidOption } from './errors.js'
import { openConnection, type Connection, type ConnectionOwner } from './connection.js'
import { Backoff } from './backoff.js'

/** The global object: a browser has all of this, other places may not. */
interface World {
  readonly WebSocket?: WebSocketConstructor
  readonly location?: { readonly href: string }
  addEventListener? (type: string, listener: () => void): void
  removeEventListener? (type: string, listener: () => void): void
}

const OPEN = 1
const ABNORMAL_CLOSURE = 1006
/**
 * The time after which a connection counts as one that holds, and earlier failures are forgotten. A
 * server that accepts and closes at once gets growing waits.
 */
const PROVEN_MS = 5000
/** The age at which an attempt is replaced when the page wakes: its network may be gone. */
const STUCK_MS = 1000
const world = globalThis as World

/** Opens a connection, and another one when it is lost, until either side ends it for good. */
export abstract class Reconnector implements ConnectionOwner {
  readonly #url: Fresh<string | URL>
  protected readonly options: ClientOptions
  readonly #WebSocket: WebSocketConstructor
  readonly #backoff: Backoff
  #state: ClientState = 'connecting'
  #connection: Connection | undefined
  #timer: Timer | undefined
  /** The time at which the attempt under way began, or the next one begins. */
  #attemptMs = 0

  constructor (url: Fresh<string | URL>, options: ClientOptions) {
    const { protocol, token, WebSocket = world.WebSocket } = options
    if (!WebSocket) throw invalidOption('The option WebSocket is missing')
    if (token !== undefined && !protocol) throw invalidOption('The option protocol is missing')
    this.#url = url
    this.options = options
    this.#WebSocket = WebSocket
    this.#backoff = new Backoff(options.retry)
    this.#listen('addEventListener')
  }

  abstract sendReserved (type: string): void
  abstract received (data: string | ArrayBuffer): void
  abstract failed (error: unknown): void
  protected abstract changed (change: StateChange): void

  get state (): ClientState {
    return this.#state
  }

  /** The WebSocket of the connection, open or not yet; `undefined` between two attempts. */
  get ws (): WebSocketLike | undefined {
    return this.#connection?.ws
  }

  /** Tells whether a message can be sent now. */
  get isOpen (): boolean {
    return this.#state === 'open' && this.ws!.readyState === OPEN
  }

  /** Makes an attempt, in place of one that is under way. */
  async connect (): Promise<void> {
    const { protocol, token, openTimeoutMs = 15_000 } = this.options
    this.#disconnect()
    this.#attemptMs = Date.now()
    const timer = this.#timer = after(openTimeoutMs, () => this.down())
    let isKnown = false
    try {
      const url = await fresh(this.#url)
      const credentials = await fresh(token)
      // Another attempt, or the end, has come first.
      if (this.#timer !== timer) return
      isKnown = true
      const protocols: string[] = protocol ? [protocol, REFUSAL] : []
      if (credentials) protocols.push(`bearer.${credentials}`)
      this.#connection = openConnection(new this.#WebSocket(socketUrl(url), protocols), this, this.options.heartbeat)
    } catch (error) {
      if (this.#timer !== timer) return
      this.failed(error)
      // A WebSocket that cannot be made now cannot be made later: its URL or its subprotocol is
      // invalid, or forbidden to this page. A function of the app that failed may succeed next
      // time.
      if (isKnown) this.#end(ABNORMAL_CLOSURE, '')
      else this.down()
    }
  }

  /** Makes the next attempt now, when one is waited for. */
  retry (): void {
    if (this.#state === 'waiting') this.#wait(0)
  }

  close (code: number = 1000, reason: string = ''): void {
    this.#connection?.close(code, reason)
    this.#end(code, reason)
  }

  // Events of the connection.

  up (): void {
    this.#timer = after(PROVEN_MS, () => this.#backoff.reset(), this.#timer)
    this.#change('open')
  }

  down (code: number = ABNORMAL_CLOSURE, reason: string = ''): void {
    if (this.#state === 'closed') return
    this.#disconnect()
    const retryInMs = this.#backoff.delayMs(code, reason)
    if (retryInMs === undefined) return this.#end(code, reason)
    this.#wait(retryInMs)
    this.#change('waiting', { retryInMs, code, reason })
  }

  #wait (ms: number): void {
    this.#attemptMs = Date.now() + ms
    this.#timer = after(ms, () => {
      this.#change('connecting')
      // A listener may have closed the client.
      if (this.#state === 'connecting') void this.connect()
    }, this.#timer)
  }

  // The network is back, or the page is shown or hidden: the connection may have died unnoticed,
  // and a long wait is cut short.
  readonly #wake = (): void => {
    const sinceMs = Date.now() - this.#attemptMs
    const soonMs = this.#backoff.soonMs()
    if (this.isOpen) this.#connection!.probe()
    if (this.#state === 'connecting' && sinceMs > STUCK_MS) void this.connect()
    if (this.#state === 'waiting' && sinceMs < -soonMs) this.#wait(soonMs)
  }

  #listen (how: 'addEventListener' | 'removeEventListener'): void {
    for (const name of ['online', 'visibilitychange']) world[how]?.(name, this.#wake)
  }

  #disconnect (): void {
    clearTimeout(this.#timer)
    this.#connection?.close()
    this.#timer = this.#connection = undefined
  }

  #end (code: number, reason: string): void {
    if (this.#state === 'closed') return
    this.#disconnect()
    this.#listen('removeEventListener')
    this.#change('closed', { code, reason })
  }

  #change (state: ClientState, details?: Partial<StateChange>): void {
    this.#state = state
    this.changed({ state, attempt: this.#backoff.attempt, ...details })
  }
}

// Asynchronous, so that the app can add its listeners before the first event.
async function fresh<T> (value: Fresh<T>): Promise<T> {
  return typeof value === 'function' ? (value as () => T | Promise<T>)() : value
}

// A URL is relative to the page or the worker. An absolute one is not parsed: the URL class of
// React Native would append a slash.
function socketUrl (url: string | URL): string {
  const given = String(url).replace(/#.*/, '')
  return (/^\w+:\/\//.test(given) ? given : new URL(given, world.location?.href).href).replace(/^http/i, 'ws')
}
