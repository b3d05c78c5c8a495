// Prometheus metrics of typed WebSocket routes: `await app.register(metrics, { contracts: [chat]
// })`, then `GET /metrics`.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { AnyContract, Channel, Diagnostics, ReceivedMessage } from 'fastify-typed-ws'

export interface MetricsOptions {
  contracts: readonly AnyContract[]
}

type Stats = Channel['stats']
type Stat = { [K in keyof Stats]: Stats[K] extends number ? K : never }[keyof Stats]
type Line = readonly [stat: Stat, name: string, help: string]

const NOW: readonly Line[] = [
  ['connections', 'typed_ws_connections', 'Connections that are open'],
  ['queued', 'typed_ws_queued_messages', 'Messages that wait for a handler'],
  ['running', 'typed_ws_running_handlers', 'Handlers at work'],
  ['streams', 'typed_ws_streams', 'Streams that go on'],
  ['pendingCalls', 'typed_ws_pending_calls', 'Calls that wait for a client'],
  ['topics', 'typed_ws_topics', 'Topics somebody is in'],
  ['bufferedBytes', 'typed_ws_buffered_bytes', 'Bytes that wait for clients to read']
]
const EVER: readonly Line[] = [
  ['opened', 'typed_ws_connections_opened_total', 'Connections that were opened'],
  ['messagesReceived', 'typed_ws_messages_received_total', 'Messages received'],
  ['messagesSent', 'typed_ws_messages_sent_total', 'Messages sent'],
  ['bytesReceived', 'typed_ws_received_bytes_total', 'Bytes received, frames and all'],
  ['bytesSent', 'typed_ws_sent_bytes_total', 'Bytes sent, frames and all'],
  ['slowed', 'typed_ws_slow_clients_total', 'Times a client fell behind'],
  ['dropped', 'typed_ws_dropped_messages_total', 'Events left out for slow clients']
]
// Codes of the server's own. Of all others only the thousand is kept: a client may choose any code,
// and each would be a series.
const CODES = new Set([4401, 4408, 4429])

export async function metrics (app: FastifyInstance, { contracts }: MetricsOptions): Promise<void> {
  const registry = new Registry()
  const channels = contracts.map((contract) => app.channel(contract))
  collectDefaultMetrics({ register: registry })
  for (const line of NOW) gaugeOf(line, channels, registry)
  for (const line of EVER) counterOf(line, channels, registry)
  countByKey('errors', 'typed_ws_errors_total', '$error messages sent', 'code', channels, registry)
  countByKey('handshakesRefused', 'typed_ws_handshakes_refused_total', 'Handshakes that got no 101', 'status', channels, registry)
  const stop = watch(new Set(contracts.map(({ name }) => name)), registry)
  app.addHook('onClose', async () => stop())
  app.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()))
}

// The counts of `channel.stats` cost nothing until somebody scrapes.

function gaugeOf ([stat, name, help]: Line, channels: readonly Channel[], registry: Registry): void {
  registry.registerMetric(new Gauge({
    name,
    help,
    labelNames: ['contract'],
    registers: [],
    collect () {
      for (const { contract, stats } of channels) this.set({ contract: contract.name }, stats[stat])
    }
  }))
}

function counterOf ([stat, name, help]: Line, channels: readonly Channel[], registry: Registry): void {
  registry.registerMetric(new Counter({
    name,
    help,
    labelNames: ['contract'],
    registers: [],
    collect () {
      this.reset()
      for (const { contract, stats } of channels) this.inc({ contract: contract.name }, stats[stat])
    }
  }))
}

function countByKey (
  stat: 'errors' | 'handshakesRefused',
  name: string,
  help: string,
  label: string,
  channels: readonly Channel[],
  registry: Registry
): void {
  registry.registerMetric(new Counter({
    name,
    help,
    labelNames: ['contract', label],
    registers: [],
    collect () {
      this.reset()
      for (const { contract, stats } of channels) {
        for (const [key, count] of Object.entries(stats[stat])) this.inc({ contract: contract.name, [label]: key }, count)
      }
    }
  }))
}

// How long things take is known only while they happen.
function watch (names: ReadonlySet<string>, registry: Registry): () => void {
  const registers = [registry]
  const begun = new WeakMap<ReceivedMessage, number>()
  const closes = new Counter({
    name: 'typed_ws_connections_closed_total',
    help: 'Connections that ended',
    labelNames: ['contract', 'code'],
    registers
  })
  const ages = new Histogram({
    name: 'typed_ws_connection_duration_seconds',
    help: 'How long connections lasted',
    labelNames: ['contract'],
    buckets: [1, 10, 60, 600, 3600, 86_400],
    registers
  })
  const times = new Histogram({
    name: 'typed_ws_handler_duration_seconds',
    help: 'From a message\'s turn to its answer',
    labelNames: ['contract', 'type', 'outcome'],
    registers
  })

  const listeners = {
    'fastify-typed-ws.connection.close' ({ socket, code, durationMs }: Diagnostics['fastify-typed-ws.connection.close']) {
      const { name: contract } = socket.contract
      if (!names.has(contract)) return
      closes.inc({ contract, code: code < 3000 || CODES.has(code) ? code : `${Math.floor(code / 1000)}xxx` })
      ages.observe({ contract }, durationMs / 1000)
    },
    'fastify-typed-ws.message.received' ({ message }: Diagnostics['fastify-typed-ws.message.received']) {
      begun.set(message, performance.now())
    },
    'fastify-typed-ws.message.handled' ({ socket, message, error }: Diagnostics['fastify-typed-ws.message.handled']) {
      const { name: contract } = socket.contract
      const beginMs = begun.get(message)
      if (beginMs === undefined || !names.has(contract)) return
      times.observe(
        { contract, type: message.type ?? 'binary', outcome: error === undefined ? 'ok' : 'error' },
        (performance.now() - beginMs) / 1000
      )
    }
  }
  const entries = Object.entries(listeners) as Array<[string, (message: unknown) => void]>
  for (const [name, listener] of entries) subscribe(name, listener)
  return () => { for (const [name, listener] of entries) unsubscribe(name, listener) }
}
