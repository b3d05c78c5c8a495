import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import { defineContract } from '../../lib/index.js'
import { Observer } from '../../lib/server/stats.js'

t.test('the outcome of a message is told once, whatever fails after it', async (t) => {
  const told: unknown[] = []
  const listener = (message: unknown): void => { told.push((message as { error: unknown }).error) }
  subscribe('fastify-typed-ws.message.handled', listener)
  t.teardown(() => { unsubscribe('fastify-typed-ws.message.handled', listener) })
  const observer = new Observer(defineContract({ name: 'told.v1' }))
  const message = { isHandled: false, trace: undefined } as never
  observer.messageHandled({} as never, message)
  observer.messageFailed({} as never, message, new Error('late'))
  observer.messageHandled({} as never, message)
  t.same(told, [undefined])
})
