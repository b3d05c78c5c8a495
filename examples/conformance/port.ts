import { binaryEvents } from 'fastify-typed-ws/binary'
import { createClient, type ClientOptions, type WebSocketConstructor } from 'fastify-typed-ws/client'
import { recovery } from 'fastify-typed-ws/recovery'
import { WebSocket } from 'ws'
import type { conformance, Result } from './contract.js'
import type { Case } from './trial.js'

export interface PortOptions {
  /** The WebSocket of the client that is tried. Default: that of `ws`. */
  readonly WebSocket?: WebSocketConstructor
  readonly retry?: ClientOptions['retry']
}

/**
 * Brings the typed client through one case: what a program around any other client does as well.
 * Resolves when the client is closed for good.
 *
 * @param url - of the server, `ws://localhost:3000`.
 */
export async function playCase (
  url: string, run: string, { name, group }: Pick<Case, 'name' | 'group'>,
  { WebSocket: Base = WebSocket as unknown as WebSocketConstructor, retry = {} }: PortOptions = {}
): Promise<void> {
  const client = createClient<typeof conformance>(`${url}/case/${name}?run=${run}`, {
    protocol: 'conformance.v1',
    WebSocket: Base,
    retry,
    // Elsewhere those of the client's own: 10 s, and 5 s.
    ...(group === 'heartbeat' && { heartbeat: { intervalMs: 20, timeoutMs: 3000 } }),
    binary: binaryEvents(),
    ...(group === 'recovery' && { recover: recovery() })
  })
  const calls = new Map<number, AbortController>()

  client.on('echo', ({ value }) => client.send('echo', { value }))
  client.on('picture', ({ title }, data) => client.sendBinary('picture', { title }, data))
  client.onBinary((data) => client.sendBinary(data))
  client.on('leave', () => client.close())
  client.on('cancel', ({ id }) => calls.get(id)?.abort())
  // A refused event, and an event whose bytes are missing: an app would log them.
  client.onError(() => {})

  // A case that has failed is over, and the client closed: its calls end with it.
  const tell = (result: Result): void => { if (client.state !== 'closed') client.send('result', result) }

  client.on('call', ({ id }) => {
    const controller = new AbortController()
    calls.set(id, controller)
    client.call('ask', { id }, { signal: controller.signal }).then(
      (data) => tell({ id, data }),
      (error: unknown) => { if (!controller.signal.aborted) tell({ id, error: wordsOf(error) }) }
    )
  })

  client.on('stream', async ({ id, take = Infinity }) => {
    const data: unknown[] = []
    try {
      for await (const item of client.stream('items', { id })) if (data.push(item) === take) break
      tell({ id, data })
    } catch (error) {
      tell({ id, data, error: wordsOf(error) })
    }
  })

  client.handle('question', ({ value }) => value)
  client.handle('refuse', () => { throw Object.assign(new Error('I will not'), { statusCode: 409, code: 'REFUSED' }) })
  client.handle('wait', async (_payload, { signal }) => {
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    if (client.state !== 'closed') client.send('cancelled', {})
  })

  await new Promise<void>((resolve) => {
    client.onState(({ state }) => { if (state === 'closed') resolve() })
  })
}

function wordsOf (error: unknown): { statusCode?: number, code?: string, message?: string } {
  const { statusCode, code, message } = error as { statusCode?: number, code?: string, message?: string }
  return { ...(statusCode !== undefined && { statusCode }), ...(code !== undefined && { code }), ...(message !== undefined && { message }) }
}
