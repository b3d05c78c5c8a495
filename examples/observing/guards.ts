// Roles and an audit log, by hooks that run in front of every message's handler.
import createError from '@fastify/error'
import { trace } from '@opentelemetry/api'
import type { MessageHook } from 'fastify-typed-ws'

declare module 'fastify' {
  interface SocketData { role?: string }
}

const Forbidden = createError('SUMS_FORBIDDEN', 'This is for a %s', 403)

/** Writes down each message, also one that a later hook rejects, with the trace it belongs to. */
export const audit: MessageHook = (_payload, { id, data, log }, { type }) => {
  const traceId = trace.getActiveSpan()?.spanContext().traceId
  log.info({ audit: { socket: id, role: data.role ?? 'guest', type, traceId } }, 'message')
}

/** Rejects a message whose sender has not the role that it needs: `roles({ clear: 'teacher' })`. */
export function roles (needed: Readonly<Record<string, string>>): MessageHook {
  return (_payload, { data }, { type = 'binary' }) => {
    const role = needed[type]
    if (role !== undefined && data.role !== role) throw new Forbidden(role)
  }
}
