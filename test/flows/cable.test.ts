// A client whose cable is cut: no FIN, no RST, and nothing of what is sent arrives.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import { defineContract, type CloseEvent, type ReceivedMessage } from '../../lib/index.js'
import { deferred } from '../support/deferred.js'
import { connectRaw, createApp, handshakeText, maskedFrame, until, type Teardown } from '../support/helper.js'

const INTERVAL_MS = 1000
const TIMEOUT_MS = 500
// For a slow machine: TCP by itself takes more than a minute.
const PATIENCE_MS = 25_000
// The default of maxQueuedMessages.
const QUEUED = 64
const talk = defineContract({ name: 'cable.v1', clientToServer: { say: Type.Object({}) } })

const ws = import.meta.resolve('ws')
const program = `import { WebSocket } from '${ws}'
const ws = new WebSocket(process.argv[1], { origin: process.argv[1].replace('ws', 'http') })
ws.on('open', () => { for (let n = 0; n < Number(process.argv[2]); n++) ws.send('{"type":"say"}') })
ws.on('ping', () => process.stdout.write('pinged'))`

/** A network of its own, behind a cable; the far end is in a namespace. */
class Cable {
  readonly #name = `cable${process.pid}`
  readonly #far = `vf${process.pid}`
  readonly #near = `vn${process.pid}`
  readonly #net = `10.231.${process.pid % 256}`

  get address (): string {
    return `${this.#net}.1`
  }

  /** @returns whether this system lets us. */
  lay (): boolean {
    try {
      ip('netns', 'add', this.#name)
      ip('link', 'add', this.#near, 'type', 'veth', 'peer', 'name', this.#far, 'netns', this.#name)
      ip('address', 'add', `${this.#net}.1/30`, 'dev', this.#near)
      ip('link', 'set', this.#near, 'up')
      ip('-n', this.#name, 'address', 'add', `${this.#net}.2/30`, 'dev', this.#far)
      ip('-n', this.#name, 'link', 'set', this.#far, 'up')
      return true
    } catch {
      this.remove()
      return false
    }
  }

  /**
   * Starts a client at the far end that sends so many messages; resolves once it has been pinged.
   */
  async join (t: Teardown, url: string, messages: number): Promise<void> {
    const client = spawn(
      'ip',
      ['netns', 'exec', this.#name, process.execPath, '--input-type=module', '-e', program, url, String(messages)],
      { env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'inherit'] }
    )
    t.teardown(() => client.kill('SIGKILL'))
    await once(client.stdout, 'data')
  }

  cut (): void {
    ip('-n', this.#name, 'link', 'set', this.#far, 'down')
  }

  remove (): void {
    for (const args of [['link', 'delete', this.#near], ['netns', 'delete', this.#name]]) {
      try {
        ip(...args)
      } catch {
        // It was not there.
      }
    }
  }
}

function ip (...args: string[]): void {
  execFileSync('ip', args, { stdio: 'ignore' })
}

for (const [messages, name] of [[0, 'a client behind a cut cable'], [100, 'a client behind a cut cable whose messages wait']] as const) {
  t.test(`${name} is cut by the heartbeat, long before the system would give up`, async (t) => {
    const cable = new Cable()
    const isLaid = cable.lay()
    t.comment(isLaid ? 'a cable between two network namespaces' : 'no namespaces here: a socket that swallows everything')
    t.teardown(() => cable.remove())
    const app = await createApp(t, { heartbeat: { intervalMs: INTERVAL_MS, timeoutMs: TIMEOUT_MS } })
    const ends: CloseEvent[] = []
    const [opened, closed] = [deferred(), deferred()]
    app.ws('/', {
      contract: talk,
      async open (socket) {
        await socket.subscribe('lobby')
        opened.resolve()
      },
      close (_, event) {
        ends.push(event)
        closed.resolve()
      },
      on: { say: untilGone }
    })
    await app.listen({ port: 0, host: isLaid ? cable.address : '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo

    if (isLaid) await cable.join(t, `ws://${cable.address}:${port}`, messages)
    else await swallow(t, app, messages)
    await opened.promise
    t.equal(app.channel(talk).size('lobby'), 1)
    await until(() => app.channel(talk).stats.messagesReceived >= Math.min(messages, 1 + QUEUED))
    if (isLaid) cable.cut()
    const cutMs = performance.now()
    await closed.promise
    const goneMs = performance.now() - cutMs
    t.ok(goneMs < INTERVAL_MS + TIMEOUT_MS + PATIENCE_MS, `gone after ${Math.round(goneMs)} ms`)
    t.same(ends, [{ code: 1006, reason: '', wasClean: false }], 'close ran once')
    t.equal(app.channel(talk).size('lobby'), 0, 'the topic is left')
    t.equal(app.channel(talk).stats.topics, 0)
  })
}

/** A handler that hangs as long as its client is there. */
async function untilGone (_payload: unknown, _socket: unknown, { signal }: ReceivedMessage): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

async function swallow (t: Teardown, app: Parameters<typeof connectRaw>[1], messages: number): Promise<void> {
  const socket = await connectRaw(t, app)
  socket.write(handshakeText(app, '/'))
  await once(socket, 'data')
  socket.resume()
  for (let n = 0; n < messages; n++) socket.write(maskedFrame('{"type":"say"}'))
}
