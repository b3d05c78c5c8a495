// A small service that is watched: `GET /metrics` for Prometheus, spans for OpenTelemetry. PORT
// says where; OTEL_EXPORTER_OTLP_ENDPOINT names the collector.
import { propagation, trace } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { Type } from '@sinclair/typebox'
import closeWithGrace from 'close-with-grace'
import Fastify from 'fastify'
import typedWs from 'fastify-typed-ws'
import { defineContract } from 'fastify-typed-ws/contract'
import { metrics } from './metrics.js'
import { traceMessages } from './tracing.js'

const { PORT = '3000', HOST = 'localhost' } = process.env

const sums = defineContract({
  name: 'sums.v1',
  clientToServer: {
    add: { request: Type.Object({ numbers: Type.Array(Type.Number(), { maxItems: 100 }) }), reply: Type.Number() },
    divide: { request: Type.Object({ by: Type.Number() }), reply: Type.Number() }
  }
})

const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] })
trace.setGlobalTracerProvider(provider)
propagation.setGlobalPropagator(new W3CTraceContextPropagator())
traceMessages()
const tracer = trace.getTracer('sums')

const app = Fastify({ logger: true })
await app.register(typedWs, { allowMissingOrigin: true })
await app.register(metrics, { contracts: [sums] })
app.ws('/sums', {
  contract: sums,
  on: {
    add: async ({ numbers }) => await tracer.startActiveSpan('look it up', async (span) => {
      const sum = numbers.reduce((sum, number) => sum + number, 0)
      span.end()
      return sum
    }),
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
