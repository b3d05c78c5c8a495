import type { ClientOptions, ClientState, Fresh, StateChange, WebSocketConstructor, WebSocketLike } from '../../types/client.js'
import { REFUSAL } from '../protocol.js'
import { after, type Timer } from '../timer.js'
import { invalidOption } from './errors.js'
import { linkOf, type Connection, type ConnectionOwner } from './connection.js'
import { Backoff } from './backoff.js'

/** What there is in a browser, and not everywhere. */
interface World {
  readonly WebSocket?: WebSocketConstructor
  readonly location?: { readonly href: string }
  addEventListener? (type: string, listener: () => void): void
  removeEventListener? (type: string, listener: () => void): void
}

const OPEN = 1
const ABNORMAL_CLOSURE = 1006
/**
 * How long a connection has to hold before what was before it is forgotten: who accepts and closes
 * is not to be hammered.
 */
const PROVEN_MS = 5000
/** An attempt that began this long before the page woke may wait for a network that is gone. */
const STUCK_MS = 1000
const WAKE_EVENTS = ['online', 'visibilitychange']
const world = globalThis as World

/** Opens a connection, and another one when it is lost, until either side says that it is over. */
export abstract class Reconnector implements ConnectionOwner {
  readonly #url: Fresh<string | URL>
  protected readonly options: ClientOptions
  readonly #WebSocket: WebSocketConstructor
  readonly #retry: Backoff
  #state: ClientState = 'connecting'
  #link: Connection | undefined
  #timer: Timer | undefined
  // When the attempt under way began, or the next one begins.
  #attemptMs = 0

  constructor (url: Fresh<string | URL>, options: ClientOptions) {
    const { protocol, token, WebSocket = world.WebSocket } = options
    if (!WebSocket) throw invalidOption('The option WebSocket is missing')
    if (token !== undefined && protocol === undefined) throw invalidOption('The option token needs the option protocol')
    this.#url = url
    this.options = options
    this.#WebSocket = WebSocket
    this.#retry = new Backoff(options.retry)
    this.#listen('addEventListener')
  }

  abstract say (type: string): void
  abstract received (data: string | ArrayBuffer): void
  abstract failed (error: unknown): void
  protected abstract changed (change: StateChange): void

  get state (): ClientState {
    return this.#state
  }

  /** The connection there is, or the one that may come to be. */
  get ws (): WebSocketLike | undefined {
    return this.#link?.ws
  }

  /** Whether what is sent now leaves now. */
  get isOpen (): boolean {
    return this.#state === 'open' && this.ws!.readyState === OPEN
  }

  /** Makes an attempt, in place of one that is under way. */
  async connect (): Promise<void> {
    const { protocol, token, openTimeoutMs = 15_000 } = this.options
    this.#leave()
    this.#attemptMs = Date.now()
    const timer = this.#timer = after(openTimeoutMs, () => this.down())
    let isKnown = false
    try {
      const url = await fresh(this.#url)
      const credentials = await fresh(token)
      // Too late, whatever they were.
      if (this.#timer !== timer) return
      isKnown = true
      const protocols = [protocol, protocol && REFUSAL, credentials && `bearer.${credentials}`].filter(Boolean) as string[]
      this.#link = linkOf(new this.#WebSocket(socketUrl(url), protocols), this, this.options.heartbeat)
    } catch (error) {
      if (this.#timer !== timer) return
      this.failed(error)
      // What cannot be opened now cannot be opened later: not a URL, not a subprotocol, or not from
      // this page.
      this.down(undefined, undefined, isKnown)
    }
  }

  /** Waits no longer. */
  retry (): void {
    if (this.#state === 'waiting') this.#wait(0)
  }

  close (code: number = 1000, reason: string = ''): void {
    this.#link?.close(code, reason)
    this.#end(code, reason)
  }

  // What its link tells it.

  up (): void {
    this.#timer = after(PROVEN_MS, () => this.#retry.reset(), this.#timer)
    this.#change('open')
  }

  down (code: number = ABNORMAL_CLOSURE, reason: string = '', isFinal: boolean = false): void {
    if (this.#state === 'closed') return
    this.#leave()
    const retryInMs = isFinal ? undefined : this.#retry.delayMs(code, reason)
    if (retryInMs === undefined) return this.#end(code, reason)
    this.#wait(retryInMs)
    this.#change('waiting', { retryInMs, code, reason })
  }

  #wait (ms: number): void {
    this.#attemptMs = Date.now() + ms
    this.#timer = after(ms, () => {
      this.#change('connecting')
      // Unless who heard of it has closed the client.
      if (this.#state === 'connecting') void this.connect()
    }, this.#timer)
  }

  // The network is back, or the page was looked at or left: a connection may have died unnoticed,
  // and who waits need not wait for long.
  readonly #wake = (): void => {
    const sinceMs = Date.now() - this.#attemptMs
    const soonMs = this.#retry.soonMs()
    if (this.isOpen) this.#link!.probe()
    if (this.#state === 'connecting' && sinceMs > STUCK_MS) void this.connect()
    if (this.#state === 'waiting' && sinceMs < -soonMs) this.#wait(soonMs)
  }

  #listen (how: 'addEventListener' | 'removeEventListener'): void {
    for (const name of WAKE_EVENTS) world[how]?.(name, this.#wake)
  }

  #leave (): void {
    clearTimeout(this.#timer)
    this.#link?.close()
    this.#timer = this.#link = undefined
  }

  #end (code: number, reason: string): void {
    if (this.#state === 'closed') return
    this.#leave()
    this.#listen('removeEventListener')
    this.#change('closed', { code, reason })
  }

  #change (state: ClientState, details?: Partial<StateChange>): void {
    this.#state = state
    this.changed({ state, attempt: this.#retry.attempt, ...details })
  }
}

// Not before whoever made the client could listen.
async function fresh<T> (value: Fresh<T>): Promise<T> {
  return typeof value === 'function' ? (value as () => T | Promise<T>)() : value
}

// Relative to the page or the worker, as a link is. An absolute one is left as it is: the URL of
// React Native would append a slash.
function socketUrl (url: string | URL): string {
  const given = String(url).replace(/#.*/, '')
  return (/^\w+:\/\//.test(given) ? given : new URL(given, world.location?.href).href).replace(/^http/i, 'ws')
}
