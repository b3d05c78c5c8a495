import t from 'tap'
import { defineContract } from '../../lib/index.js'
import { hear } from '../support/diagnostics.js'
import { Observer } from '../../lib/server/stats.js'

t.test('the outcome of a message is published once, whatever fails after it', async (t) => {
  const told = hear(t, 'fastify-typed-ws.message.handled')
  const observer = new Observer(defineContract({ name: 'told.v1' }))
  const message = { isHandled: false, trace: undefined } as never
  observer.messageHandled({} as never, message)
  observer.messageFailed({} as never, message, new Error('late'))
  observer.messageHandled({} as never, message)
  t.same(told.map(({ error }) => error), [undefined])
})
