// Runs wherever the client does: what somebody does there, and what comes of it.
import { createClient, type Client, type StateChange, type WebSocketConstructor } from '../../lib/client/index.js'
import type { contract } from './contract.js'

export { createClient }

/** The known part of an error. */
export interface Fault {
  readonly code: string
  readonly message: string
  readonly statusCode?: number
  readonly closeCode?: number
  readonly reason?: string
}

/** How a promise was broken, or that it was not. */
export async function faultOf (promise: Promise<unknown>): Promise<Fault | undefined> {
  try {
    await promise
    return undefined
  } catch (error) {
    const { code, message, statusCode, closeCode, reason } = error as Fault
    return JSON.parse(JSON.stringify({ code, message, statusCode, closeCode, reason })) as Fault
  }
}

/** The first time that somebody is told what is waited for. */
export async function told<T> (on: (listener: (value: T) => void) => () => void, isIt: (value: T) => boolean = () => true): Promise<T> {
  return await new Promise((resolve) => {
    const off = on((value) => {
      if (!isIt(value)) return
      off()
      resolve(value)
    })
  })
}

/** Says everything that the contract has, loses the connection, comes back, and is sent away. */
export async function visit (url: string, WebSocket?: WebSocketConstructor): Promise<Record<string, unknown>> {
  const client = createClient<typeof contract>(
    url,
    { protocol: 'guest.v1', retry: { minDelayMs: 20, maxDelayMs: 200 }, callTimeoutMs: 60_000, ...WebSocket && { WebSocket } }
  )
  // Deno tells why a connection broke
  client.onError(() => {})
  const states: string[] = [client.state]
  client.onState(({ state }) => states.push(state))
  const report: Record<string, unknown> = { states }
  const stateIs = async (name: string): Promise<StateChange> => await told(
    (listener) => client.onState(listener),
    ({ state }) => state === name
  )

  const said = told<{ text: string }>((listener) => client.on('said', listener))
  report['early'] = client.send('say', { text: 'too early to go out' })
  await client.opened
  report['protocol'] = client.protocol
  report['said'] = (await said).text

  report['sum'] = await client.call('add', { numbers: [1, 2, 3] })
  report['refusal'] = await faultOf(client.call('refuse', {}))
  report['aborted'] = await faultOf(client.call('wait', {}, { timeoutMs: 1 }))

  const returned = told<{ at: number }>((listener) => client.on('returned', listener))
  const counted: number[] = []
  for await (const number of client.stream('count', { from: 5 })) if (counted.push(number) === 3) break
  report['counted'] = counted
  report['returned'] = (await returned).at > 5

  report['unanswered'] = (await faultOf(client.call('ask', { question: 'Is anybody there?' })))?.statusCode
  client.handle('confirm', ({ question }) => question.includes('!'))
  report['confirmed'] = [await client.call('ask', { question: 'Sure?' }), await client.call('ask', { question: 'Sure!' })]
  const cancelled = new Promise<unknown>((resolve) => {
    client.handle('confirm', async (_payload, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      resolve(signal.aborted)
      return true
    })
  })
  report['impatient'] = (await faultOf(client.call('ask', { question: 'Quick?', timeoutMs: 50 })))?.statusCode
  report['cancelled'] = await cancelled

  const bytes = new TextEncoder().encode('typed array')
  const echoes: string[] = []
  for (const data of ['string, ü', bytes, bytes.buffer.slice(0, 5), new DataView(bytes.buffer, 6), new Blob(['Bl', 'ob'])]) {
    const echo = told<ArrayBuffer>((listener) => client.onBinary(listener))
    client.sendBinary(data)
    const received = await echo
    echoes.push(`${received.constructor.name}: ${new TextDecoder().decode(received)}`)
  }
  report['echoes'] = echoes

  const hinted = stateIs('waiting')
  const again = stateIs('open')
  client.send('leave', { code: 1012, reason: 'retry-after-ms=30' })
  const { state, code, reason, retryInMs } = await hinted
  report['hinted'] = { state, code, reason, retryInMs }
  await again

  const answer = faultOf(client.call('wait', {}))
  const items = client.stream('count', { from: 0 })
  await items.next()
  const rest = faultOf((async () => { for await (const item of items) void item })())
  const away = stateIs('waiting')
  const back = stateIs('open')
  const reopened = told((listener) => client.onReopen(() => listener(undefined)))
  client.send('leave', { code: 0, reason: '' })
  report['away'] = (await away).code
  report['lost'] = [(await answer)?.code, (await rest)?.code]
  report['asked while away'] = await client.call('add', { numbers: [4, 5] })
  await Promise.all([back, reopened])

  const closed = stateIs('closed')
  const pending = faultOf(client.call('wait', {}))
  client.send('leave', { code: 4501, reason: 'signed out' })
  report['closed'] = { code: (await closed).code, reason: (await closed).reason }
  report['pending'] = await pending
  report['over'] = await faultOf(client.call('add', { numbers: [] }))
  return report
}

/** The first changes of the state of who tries to come in. */
export async function attempts (url: string, count: number): Promise<StateChange[]> {
  const client = createClient<typeof contract>(url, { protocol: 'guest.v1', retry: { minDelayMs: 20, maxDelayMs: 200 } })
  const changes: StateChange[] = []
  await told<StateChange>((listener) => client.onState(listener), (change) => changes.push(change) === count)
  client.close()
  return changes.slice(0, count)
}

/** Many at once. */
export class Crowd {
  readonly #clients: Array<Client<typeof contract>>
  readonly #endings = new Map<number, StateChange>()

  constructor (url: string, count: number) {
    this.#clients = Array.from(
      { length: count },
      () => createClient<typeof contract>(url, { protocol: 'guest.v1', retry: { maxDelayMs: 2000 }, callTimeoutMs: 120_000 })
    )
    for (const [i, client] of this.#clients.entries()) {
      client.onState((change) => { if (change.code !== undefined && !this.#endings.has(i)) this.#endings.set(i, change) })
    }
  }

  /** Asks once for each, and waits for the answer. */
  async sums (): Promise<number[]> {
    return await Promise.all(this.#clients.map(async (client, i) => await client.call('add', { numbers: [i, 1] })))
  }

  /** Asks what is not answered. @returns what becomes of it, once every question has arrived. */
  async ask (): Promise<{ faults: Promise<Array<string | undefined>> }> {
    const faults = Promise.all(this.#clients.map(async (client) => (await faultOf(client.call('wait', {})))?.code))
    await this.sums()
    return { faults }
  }

  /** How the first connection of each ended, of those that have lost it. */
  endings (): StateChange[] {
    return [...this.#endings.values()]
  }
}

/** The outcome, wherever it runs. */
export const expected = {
  early: false,
  protocol: 'guest.v1',
  said: 'too early to go out, you said',
  sum: 6,
  refusal: { code: 'NOT_TODAY', message: 'not today', statusCode: 409 },
  aborted: { code: 'FST_TYPED_WS_CALL_TIMEOUT', message: "No answer to 'wait' within 1 ms" },
  counted: [5, 6, 7],
  returned: true,
  unanswered: 500,
  confirmed: [false, true],
  impatient: 500,
  cancelled: true,
  echoes: ['ArrayBuffer: string, ü', 'ArrayBuffer: typed array', 'ArrayBuffer: typed', 'ArrayBuffer: array', 'ArrayBuffer: Blob'],
  hinted: { state: 'waiting', code: 1012, reason: 'retry-after-ms=30', retryInMs: 30 },
  away: 1006,
  lost: ['FST_TYPED_WS_DISCONNECTED', 'FST_TYPED_WS_DISCONNECTED'],
  'asked while away': 9,
  closed: { code: 4501, reason: 'signed out' },
  pending: { code: 'FST_TYPED_WS_CLIENT_CLOSED', message: 'The client is closed: 4501 signed out', closeCode: 4501, reason: 'signed out' },
  over: { code: 'FST_TYPED_WS_CLIENT_CLOSED', message: 'The client is closed: 4501 signed out', closeCode: 4501, reason: 'signed out' },
  states: ['connecting', 'open', 'waiting', 'connecting', 'open', 'waiting', 'connecting', 'open', 'closed']
}
