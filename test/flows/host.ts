import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import typedWs, { type SharedOptions } from '../../lib/index.js'
import { contract } from './contract.js'

/** Serves the contract at a path. */
export function host (app: FastifyInstance, path: string, options: SharedOptions = {}): void {
  app.ws(path, {
    contract,
    concurrency: 8,
    ...options,
    on: {
      say: ({ text }, socket) => { socket.send('said', { text: `${text}, you said` }) },
      add: ({ numbers }) => numbers.reduce((sum, number) => sum + number, 0),
      refuse: () => { throw Object.assign(new Error('not today'), { statusCode: 409, code: 'NOT_TODAY' }) },
      async wait (_payload, { signal }) {
        await once(signal, 'abort')
        return null
      },
      async * count ({ from }, socket) {
        let at = from
        try {
          for (;; at++) {
            yield at
            await delay(1)
          }
        } finally {
          socket.send('returned', { at })
        }
      },
      ask: async ({ question, timeoutMs = 30_000 }, socket) => await socket.call('confirm', { question }, { timeoutMs }),
      // To whom asks nothing before this.
      lie (_payload, socket) {
        for (const text of [
          '{"type":"said","text":5}',
          '{"type":"unsaid"}',
          '{"type":"$reply","ref":1,"data":"six"}'
        ]) socket.raw.send(text)
        return 6
      },
      leave: ({ code, reason }, socket) => {
        if (code === 0) socket.terminate()
        else socket.close(code, reason)
      }
    },
    binary: (data, socket) => { socket.sendBinary(data) }
  })
}

/** Serves it to everybody, until SIGTERM. */
export async function listen (port: number): Promise<void> {
  const app = Fastify({ logger: true })
  await app.register(typedWs, { origin: '*', shutdown: { spreadMs: 2000 } })
  host(app, '/guest')
  process.once('SIGTERM', () => { void app.close() })
  await app.listen({ host: '127.0.0.1', port })
}
