// A span of OpenTelemetry's for every message, and the context its handler runs in: `traceMessages()`, once, before the app is built.
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel, subscribe } from 'node:diagnostics_channel'
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace, type Context, type ContextManager, type Link, type Span } from '@opentelemetry/api'
import type { Diagnostics, ReceivedMessage, Socket } from 'fastify-typed-ws'

type Received = Diagnostics['fastify-typed-ws.message.received']
type Handled = Diagnostics['fastify-typed-ws.message.handled']

/** OpenTelemetry's own manager keeps its store to itself; a diagnostics channel needs one it can enter. */
class Contexts implements ContextManager {
  readonly store = new AsyncLocalStorage<Context>()

  active (): Context {
    return this.store.getStore() ?? ROOT_CONTEXT
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>> (context: Context, fn: F, thisArg?: ThisParameterType<F>, ...args: A): ReturnType<F> {
    return this.store.run(context, () => fn.apply(thisArg, args))
  }

  bind<T> (context: Context, target: T): T {
    if (typeof target !== 'function') return target
    return ((...args: unknown[]) => this.store.run(context, () => (target as (...args: unknown[]) => unknown)(...args))) as T
  }

  enable (): this {
    return this
  }

  disable (): this {
    this.store.disable()
    return this
  }
}

/** Makes a span of every message of every typed route, from its turn to its answer. */
export function traceMessages (): void {
  const contexts = new Contexts()
  const tracer = trace.getTracer('fastify-typed-ws')
  const spans = new WeakMap<ReceivedMessage, Span>()
  context.setGlobalContextManager(contexts)

  // The handler, and whatever it awaits, runs inside: its own spans become children of this one.
  channel('fastify-typed-ws.message.received').bindStore(contexts.store as AsyncLocalStorage<unknown>, (data) => {
    const { socket, message } = data as Received
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
    spans.set(message, span)
    return trace.setSpan(ROOT_CONTEXT, span)
  })

  subscribe('fastify-typed-ws.message.handled', (data) => {
    const { message, error } = data as Handled
    const span = spans.get(message)
    if (error !== undefined) fail(span, error)
    span?.end()
  })
}

// A connection lives too long for a span of its own. A proxy in front, or a client that is no page, may have begun a trace with the handshake.
function linksOf ({ request }: Socket): Link[] {
  const spanContext = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, request.headers))
  return spanContext === undefined ? [] : [{ context: spanContext }]
}

// What is the client's fault is no fault of the span's.
function fail (span: Span | undefined, error: unknown): void {
  const { statusCode = 500, message } = error as { statusCode?: number, message?: string }
  span?.setAttribute('error.type', statusCode)
  if (statusCode < 500) return
  span?.recordException(error as Error)
  span?.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
}
