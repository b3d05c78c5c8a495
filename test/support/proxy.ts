// A TCP proxy between a node and its engine, for faults of the network.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Teardown } from './helper.js'

interface Pair {
  readonly client: Socket
  readonly engine: Socket
}

export class Proxy {
  port = 0
  onSent: (pair: Pair, text: string) => void = () => {}
  readonly #pairs: Set<Pair>

  constructor (pairs: Set<Pair>) {
    this.#pairs = pairs
  }

  /** The number of connections that have been made through it and not ended. */
  get connections (): number {
    return this.#pairs.size
  }

  /** The connections that it has now look healthy, and nothing comes back from the engine. */
  swallow (): void {
    for (const { client, engine } of this.#pairs) {
      engine.unpipe(client)
      engine.resume()
    }
  }

  /** Nothing is read from the engine any more, over the connections that it has now. */
  pause (): void {
    for (const { client, engine } of this.#pairs) {
      engine.unpipe(client)
      engine.pause()
    }
  }

  /**
   * The same, over a connection whose client sends this, as soon as it does.
   * @returns when it has sent it.
   */
  async pauseAt (text: RegExp): Promise<void> {
    await new Promise<void>((resolve) => {
      this.onSent = ({ client, engine }, sent) => {
        if (!text.test(sent)) return
        this.onSent = () => {}
        engine.unpipe(client)
        engine.pause()
        resolve()
      }
    })
  }

  resume (): void {
    for (const { client, engine } of this.#pairs) engine.pipe(client)
  }
}

export async function startProxy (t: Teardown, target: { readonly port: number }): Promise<Proxy> {
  const pairs = new Set<Pair>()
  const proxy = new Proxy(pairs)
  const server = createServer((client) => {
    const engine = connect(target.port, '127.0.0.1')
    const pair = { client, engine }
    pairs.add(pair)
    client.on('data', (chunk: Buffer) => proxy.onSent(pair, chunk.toString('latin1')))
    for (const [one, other] of [[client, engine], [engine, client]] as const) {
      one.on('error', () => {})
      one.on('close', () => {
        other.destroy()
        pairs.delete(pair)
      })
      one.pipe(other)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const { client } of pairs) client.destroy()
    server.close()
  })
  proxy.port = (server.address() as AddressInfo).port
  return proxy
}
