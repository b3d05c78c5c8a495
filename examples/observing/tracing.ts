// An OpenTelemetry span for every message, and the context its handler runs in: call
// `traceMessages()` once. The SDK may have been started before, as `instrumentation.ts` does.
import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import {
  ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace, type Context, type Link, type Span
} from '@opentelemetry/api'
import type { MessageTrace, Socket } from 'fastify-typed-ws'

/**
 * A store for a diagnostics channel, which enters it by `run`. The context is kept by the manager
 * of the SDK that was started, whose own store is private.
 */
class ActiveContext extends AsyncLocalStorage<Context> {
  override run<R, Args extends unknown[]> (active: Context, callback: (...args: Args) => R, ...args: Args): R {
    return context.with(active, callback, undefined, ...args)
  }
}

/**
 * Makes a span of every message of every typed route, from the start of its handler to its answer.
 */
export function traceMessages (): void {
  const tracer = trace.getTracer('fastify-typed-ws')
  const spans = new WeakMap<MessageTrace, Span>()
  const runs = tracingChannel<MessageTrace, Context>('fastify-typed-ws.message')

  // The handler, and the code it awaits, runs inside: its own spans become children of this one.
  runs.start.bindStore(new ActiveContext(), (run) => {
    const { socket, message } = run
    const { contract } = socket
    const type = message.type ?? 'binary'
    const span = tracer.startSpan(`${contract.name} ${type}`, {
      root: true,
      kind: SpanKind.CONSUMER,
      links: linksOf(socket),
      attributes: {
        'messaging.system': 'websocket',
        'messaging.operation.type': 'process',
        'messaging.destination.name': contract.name,
        'messaging.message.conversation_id': socket.id,
        'messaging.message.type': type
      }
    })
    spans.set(run, span)
    return trace.setSpan(ROOT_CONTEXT, span)
  })

  runs.error.subscribe((run) => fail(spans.get(run as MessageTrace), (run as MessageTrace).error))
  // Of a run that is `async`, `end` tells only that the handler has returned.
  runs.end.subscribe((run) => { if (!(run as MessageTrace).async) spans.get(run as MessageTrace)?.end() })
  runs.asyncEnd.subscribe((run) => spans.get(run as MessageTrace)?.end())
}

// A connection lives too long for a span of its own. A proxy in front, or a client that is no page,
// may have begun a trace with the handshake.
function linksOf ({ request }: Socket): Link[] {
  const spanContext = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, request.headers))
  return spanContext === undefined ? [] : [{ context: spanContext }]
}

// An error of status 4xx is the client's fault: the span is no failure.
function fail (span: Span | undefined, error: unknown): void {
  const { statusCode = 500, message } = error as { statusCode?: number, message?: string }
  span?.setAttribute('error.type', statusCode)
  if (statusCode < 500) return
  span?.recordException(error as Error)
  span?.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
}
