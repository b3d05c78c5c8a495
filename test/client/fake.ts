// A client on a network that a test holds in its hands: nothing opens, says or ends anything but
// what the test says.
import { mock } from 'node:test'
import { Type } from '@sinclair/typebox'
import { createClient } from '../../lib/client/index.js'
import { defineContract } from '../../lib/contract.js'
import type { Client, ClientOptions, Fresh, StateChange, WebSocketConstructor, WebSocketLike } from '../../types/client.js'
import type { Teardown } from '../support/helper.js'
import { turn } from '../support/fake-time.js'

export const talk = defineContract({
  name: 'talk.v1',
  clientToServer: {
    say: Type.Object({ text: Type.String() }),
    twice: { request: Type.Object({ n: Type.Number() }), reply: Type.Number() },
    ticks: { request: Type.Object({}), stream: Type.Number() }
  },
  serverToClient: {
    said: Type.Object({ text: Type.String() }),
    confirm: { request: Type.Object({ question: Type.String() }), reply: Type.Boolean() }
  },
  binary: { clientToServer: true, serverToClient: true }
})

export type TalkClient = Client<typeof talk>

const CONNECTING = 0
const OPEN = 1
const CLOSING = 2
const CLOSED = 3

/** One end of a connection; the test is the other. */
export class FakeSocket implements WebSocketLike {
  readonly url: string
  readonly protocols: string[]
  readonly bornMs: number = Date.now()
  readonly sent: unknown[] = []
  readyState = CONNECTING
  protocol = ''
  binaryType = 'blob'
  bufferedAmount = 0
  /** How the client closed it. */
  closedBy: { code: number | undefined, reason: string | undefined } | undefined
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  onerror: ((event: never) => void) | null = null

  constructor (url: string, protocols: string[]) {
    this.url = url
    this.protocols = protocols
  }

  // The client's side.

  send (data: unknown): void {
    if (this.readyState === CONNECTING) throw new Error('still connecting')
    this.sent.push(typeof data === 'string' ? JSON.parse(data) : data)
  }

  close (code?: number, reason?: string): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) throw new RangeError('no such code')
    if (this.readyState >= CLOSING) return
    this.readyState = CLOSING
    this.closedBy = { code, reason }
  }

  // The side of the server and the network.

  open (protocol: string = this.protocols[0] ?? ''): this {
    this.readyState = OPEN
    this.protocol = protocol
    this.onopen?.({} as never)
    return this
  }

  /** Says an object as JSON, and anything else as it is. */
  say (message: unknown): void {
    const isRaw = typeof message === 'string' || message instanceof ArrayBuffer
    this.onmessage?.({ data: isRaw ? message : JSON.stringify(message) } as never)
  }

  end (code: number = 1006, reason: string = '', failure: { readonly error?: unknown, readonly message?: string } = {}): void {
    this.readyState = CLOSED
    this.onerror?.(failure as never)
    this.onclose?.({ code, reason } as never)
  }
}

/** Every socket a client has asked for, in order. */
export class Network {
  readonly sockets: FakeSocket[] = []
  readonly WebSocket: WebSocketConstructor

  constructor () {
    const { sockets } = this
    this.WebSocket = class extends FakeSocket {
      constructor (url: string, protocols: string[]) {
        super(url, protocols)
        sockets.push(this)
      }
    }
  }

  get last (): FakeSocket {
    return this.sockets.at(-1)!
  }

  /** Everything that was sent, over one connection after the other. */
  get sent (): unknown[] {
    return this.sockets.flatMap(({ sent }) => sent)
  }
}

export interface Talk {
  readonly client: TalkClient
  readonly network: Network
  readonly states: StateChange[]
  readonly errors: Error[]
}

/** A client whose first attempt is under way; what it says of itself is kept. */
export async function start (t: Teardown, options: ClientOptions<typeof talk> & { url?: Fresh<string | URL> } = {}): Promise<Talk> {
  const { url = 'ws://server/talk', ...settings } = options
  const network = new Network()
  const client = createClient<typeof talk>(url, { WebSocket: network.WebSocket, ...settings })
  t.teardown(() => client.close())
  const states: StateChange[] = []
  const errors: Error[] = []
  client.onState((change) => { states.push(change) })
  client.onError((error) => { errors.push(error) })
  await turn()
  return { client, network, states, errors }
}

/** A client that is in. */
export async function startOpen (t: Teardown, options: Parameters<typeof start>[1] = {}): Promise<Talk> {
  const talking = await start(t, options)
  talking.network.last.open()
  return talking
}

/** Collects the errors that listeners throw, in place of the process. */
export function catchThrown (t: Teardown): unknown[] {
  const thrown: unknown[] = []
  const microtask = mock.method(globalThis, 'queueMicrotask', (run: () => void) => {
    try { run() } catch (error) { thrown.push(error) }
  })
  t.teardown(() => microtask.mock.restore())
  return thrown
}

/** The events of a browser's window, and where the page is. */
export class Page extends EventTarget {
  readonly listening: Set<string> = new Set()
  readonly #t: Teardown

  constructor (t: Teardown) {
    super()
    this.#t = t
    this.#put('addEventListener', (name: string, listener: () => void) => {
      this.listening.add(name)
      this.addEventListener(name, listener)
    })
    this.#put('removeEventListener', (name: string, listener: () => void) => {
      this.listening.delete(name)
      this.removeEventListener(name, listener)
    })
  }

  at (href: string): this {
    this.#put('location', { href })
    return this
  }

  fire (name: 'online' | 'visibilitychange'): void {
    this.dispatchEvent(new Event(name))
  }

  #put (name: string, value: unknown): void {
    const before = Object.getOwnPropertyDescriptor(globalThis, name)
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
    this.#t.teardown(() => {
      if (before === undefined) Reflect.deleteProperty(globalThis, name)
      else Object.defineProperty(globalThis, name, before)
    })
  }
}

export { fakeRandom, fakeTime, pass, turn } from '../support/fake-time.js'
