import type { ClientState, Fresh, StateChange, WebSocketConstructor, WebSocketLike } from '../../types/client.js'
import { REFUSAL } from '../protocol.js'
import { Link, type LinkOwner, type LinkSettings } from './link.js'
import { Retry, type RetrySettings } from './retry.js'

/** Who holds the conversation, over one connection after the other. */
export interface ConnectorOwner {
  changed (change: StateChange): void
  received (data: string | ArrayBuffer): void
  /** An attempt failed for a reason that no close code says. */
  failed (error: unknown): void
}

export interface ConnectorSettings extends LinkSettings {
  readonly url: Fresh<string | URL>
  readonly protocol?: string
  readonly token?: Fresh<string>
  readonly WebSocket: WebSocketConstructor
  readonly retry: RetrySettings
}

/** What browsers say of the network, where there is one. */
interface World {
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
  readonly #settings: ConnectorSettings
  readonly #retry: Retry
  #state: ClientState = 'connecting'
  #link: Link | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #retryAtMs = 0

  constructor (owner: ConnectorOwner, settings: ConnectorSettings) {
    this.#owner = owner
    this.#settings = settings
    this.#retry = new Retry(settings.retry)
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
    const { url, protocol, token } = this.#settings
    try {
      const address = await fresh(url)
      const credentials = await fresh(token)
      if (this.#state !== 'connecting') return
      this.#open(address, [protocol, protocol && REFUSAL, credentials && `bearer.${credentials}`].filter(Boolean) as string[])
    } catch (error) {
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
    this.#timer = setTimeout(() => this.#retry.reset(), PROVEN_MS)
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
    const { WebSocket } = this.#settings
    let ws: WebSocketLike
    try {
      ws = new WebSocket(socketUrl(url), protocols)
    } catch (error) {
      // What cannot be opened now cannot be opened later: not a URL, not a subprotocol, or not from this page.
      this.#owner.failed(error)
      return this.#end(ABNORMAL_CLOSURE, '')
    }
    this.#link = new Link(ws, this, this.#settings)
  }

  #wait (ms: number): void {
    clearTimeout(this.#timer)
    this.#retryAtMs = Date.now() + ms
    this.#timer = setTimeout(() => {
      this.#change('connecting')
      void this.connect()
    }, ms)
  }

  // The network is back, or the page was looked at or left: a connection may have died unnoticed, and who waits need not wait for long.
  readonly #wake = (): void => {
    this.#link?.probe()
    const soonMs = this.#retry.soonMs()
    if (this.#state === 'waiting' && Date.now() + soonMs < this.#retryAtMs) this.#wait(soonMs)
  }

  #leave (): void {
    clearTimeout(this.#timer)
    this.#link = undefined
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
