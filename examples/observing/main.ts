// A small service that is watched: `GET /metrics` for Prometheus, spans for OpenTelemetry, roles
// and an audit log. PORT says where; OTEL_EXPORTER_OTLP_ENDPOINT names the collector; TEACHER_TOKEN
// is the bearer token of a teacher.
import { provider } from './instrumentation.js'
import { context, trace } from '@opentelemetry/api'
import { Type } from '@sinclair/typebox'
import closeWithGrace from 'close-with-grace'
import Fastify from 'fastify'
import typedWs from 'fastify-typed-ws'
import { defineContract } from 'fastify-typed-ws/contract'
import { audit, roles } from './guards.js'
import { metrics } from './metrics.js'
import { traceMessages } from './tracing.js'

const { PORT = '3000', HOST = 'localhost', TEACHER_TOKEN } = process.env

const sums = defineContract({
  name: 'sums.v1',
  clientToServer: {
    add: { request: Type.Object({ numbers: Type.Array(Type.Number(), { maxItems: 100 }) }), reply: Type.Number() },
    divide: { request: Type.Object({ by: Type.Number() }), reply: Type.Number() },
    clear: { request: Type.Object({}), reply: Type.Number() }
  }
})

traceMessages()
const tracer = trace.getTracer('sums')

const app = Fastify({ logger: true })
// A span of the handshake, as an instrumentation of HTTP makes one. It is active in the hooks of
// the request, and no parent of the messages, which come long after it.
app.addHook('onRequest', (_request, reply, done) => {
  const span = tracer.startSpan('request')
  reply.raw.once('close', () => span.end())
  context.with(trace.setSpan(context.active(), span), done)
})
await app.register(typedWs, { allowMissingOrigin: true, onMessage: audit })
await app.register(metrics, { contracts: [sums] })
let added = 0
app.ws('/sums', {
  contract: sums,
  onMessage: roles({ clear: 'teacher' }),
  open (socket) {
    const { authorization } = socket.request.headers
    if (TEACHER_TOKEN !== undefined && authorization === `Bearer ${TEACHER_TOKEN}`) socket.data.role = 'teacher'
  },
  on: {
    add: async ({ numbers }) => await tracer.startActiveSpan('look it up', async (span) => {
      const sum = numbers.reduce((sum, number) => sum + number, 0)
      added++
      span.end()
      return sum
    }),
    clear () {
      const cleared = added
      added = 0
      return cleared
    },
    divide ({ by }) {
      if (by < 0) throw new Error('the table of negative numbers is lost')
      if (by === 0) throw Object.assign(new Error('by anything but 0'), { statusCode: 400 })
      return 1 / by
    }
  }
})

closeWithGrace({ delay: 10_000, logger: app.log }, async () => {
  await app.close()
  await provider.shutdown()
})
await app.listen({ port: Number(PORT), host: HOST })
