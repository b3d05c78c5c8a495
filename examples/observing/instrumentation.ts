// The OpenTelemetry SDK, started before the app:
// `node --import ./examples/observing/instrumentation.js examples/observing/main.js`.
// OTEL_EXPORTER_OTLP_ENDPOINT names the collector.
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'

export const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] })
provider.register()
