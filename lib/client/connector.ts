import type { ClientOptions, ClientState, Fresh, StateChange, WebSocketConstructor, WebSocketLike } from '../../types/client.js'
import { REFUSAL } from '../protocol.js'
import { after, type Timer } from '../timer.js'
import { invalidOption } from './errors.js'
import { Link, type LinkOwner } from './link.js'
import { Retry } from './retry.js'

/** Who holds the conversation, over one connection after the other. */
export interface ConnectorOwner {
  changed (change: StateChange): void
  received (data: string | ArrayBuffer): void
  /** An attempt failed for a reason that no close code says. */
  failed (error: unknown): void
}

/** What there is in a browser, and not everywhere. */
interface World {
  readonly WebSocket?: WebSocketConstructor
  readonly location?: { readonly href: string }
  addEventListener? (type: string, listener: () => void): void
  removeEventListener? (type: string, listener: () => void): void
}

const ABNORMAL_CLOSURE = 1006
/** How long a connection has to hold before what was before it is forgotten: who accepts and closes is not to be hammered. */
const PROVEN_MS = 5000
const WAKE_EVENTS = ['online', 'visibilitychange']
const world = globalThis as World

/** Opens a connection, and another one when it is lost, until either side says that it is over. */
export class Connector implements LinkOwner {
  readonly #owner: ConnectorOwner
  readonly #url: Fresh<string | URL>
  readonly #ping: string
  readonly #options: ClientOptions
  readonly #WebSocket: WebSocketConstructor
  readonly #retry: Retry
  #state: ClientState = 'connecting'
  #link: Link | undefined
  #timer: Timer | undefined
  #retryAtMs = 0

  constructor (owner: ConnectorOwner, url: Fresh<string | URL>, ping: string, options: ClientOptions) {
    const { protocol, token, WebSocket = world.WebSocket } = options
    if (WebSocket === undefined) throw invalidOption('The option WebSocket is missing')
    if (token !== undefined && protocol === undefined) throw invalidOption('The option token needs the option protocol')
    this.#owner = owner
    this.#url = url
    this.#ping = ping
    this.#options = options
    this.#WebSocket = WebSocket
    this.#retry = new Retry(options.retry)
    for (const name of WAKE_EVENTS) world.addEventListener?.(name, this.#wake)
  }

  get state (): ClientState {
    return this.#state
  }

  get protocol (): string {
    return this.#link?.protocol ?? ''
  }

  /** Whether what is sent now leaves now. */
  get isOpen (): boolean {
    return this.#link?.isOpen === true
  }

  send (data: unknown): void {
    this.#link!.send(data)
  }

  /** Makes an attempt. */
  async connect (): Promise<void> {
    const { protocol, token, openTimeoutMs = 15_000 } = this.#options
    const timer = after(openTimeoutMs, () => this.#link === undefined ? this.closed(ABNORMAL_CLOSURE, '') : this.#link.giveUp(), this.#timer)
    this.#timer = timer
    try {
      const url = await fresh(this.#url)
      const credentials = await fresh(token)
      // Too late, whatever they were.
      if (this.#timer !== timer) return
      this.#open(url, [protocol, protocol && REFUSAL, credentials && `bearer.${credentials}`].filter(Boolean) as string[])
    } catch (error) {
      if (this.#timer !== timer) return
      this.#owner.failed(error)
      this.closed(ABNORMAL_CLOSURE, '')
    }
  }

  /** Waits no longer. */
  retry (): void {
    if (this.#state === 'waiting') this.#wait(0)
  }

  close (code: number, reason: string): void {
    this.#link?.close(code, reason)
    this.#end(code, reason)
  }

  // What its link tells it.

  opened (): void {
    this.#timer = after(PROVEN_MS, () => this.#retry.reset(), this.#timer)
    this.#change('open')
  }

  received (data: string | ArrayBuffer): void {
    this.#owner.received(data)
  }

  closed (code: number, reason: string): void {
    if (this.#state === 'closed') return
    this.#leave()
    const retryInMs = this.#retry.delayMs(code, reason)
    if (retryInMs === undefined) return this.#end(code, reason)
    this.#wait(retryInMs)
    this.#change('waiting', { retryInMs, code, reason })
  }

  #open (url: string | URL, protocols: string[]): void {
    let ws: WebSocketLike
    try {
      ws = new this.#WebSocket(socketUrl(url), protocols)
    } catch (error) {
      // What cannot be opened now cannot be opened later: not a URL, not a subprotocol, or not from this page.
      this.#owner.failed(error)
      return this.#end(ABNORMAL_CLOSURE, '')
    }
    this.#link = new Link(ws, this, this.#ping, this.#options.heartbeat)
  }

  #wait (ms: number): void {
    this.#retryAtMs = Date.now() + ms
    this.#timer = after(ms, () => {
      this.#change('connecting')
      // Unless who heard of it has closed the client.
      if (this.#state === 'connecting') void this.connect()
    }, this.#timer)
  }

  // The network is back, or the page was looked at or left: a connection may have died unnoticed, and who waits need not wait for long.
  readonly #wake = (): void => {
    this.#link?.probe()
    const soonMs = this.#retry.soonMs()
    if (this.#state === 'waiting' && Date.now() + soonMs < this.#retryAtMs) this.#wait(soonMs)
  }

  #leave (): void {
    clearTimeout(this.#timer)
    this.#timer = this.#link = undefined
  }

  #end (code: number, reason: string): void {
    if (this.#state === 'closed') return
    this.#leave()
    for (const name of WAKE_EVENTS) world.removeEventListener?.(name, this.#wake)
    this.#change('closed', { code, reason })
  }

  #change (state: ClientState, details?: Partial<StateChange>): void {
    this.#state = state
    this.#owner.changed({ state, attempt: this.#retry.attempt, ...details })
  }
}

// Not before whoever made the client could listen.
async function fresh<T> (value: Fresh<T>): Promise<T> {
  return typeof value === 'function' ? (value as () => T | Promise<T>)() : value
}

// Relative to the page or the worker, as a link is.
function socketUrl (url: string | URL): string {
  return new URL(url, world.location?.href).href.replace(/^http/, 'ws')
}
