// One node of the example with a Redis that refuses, or does not answer: a message is kept and
// told, or neither.
import { existsSync } from 'node:fs'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { missing, startRedis } from '../support/engine.js'
import { connect, type Client } from '../support/helper.js'
import { startProxy } from '../support/proxy.js'
import { Chat, main, PNG } from './chat.js'

t.ok(existsSync(main), 'the example is built: npm run build && npm run examples')

const skip = await missing('redis-server')

t.test('a message that Redis refuses to store reaches no member, and is not in the history', { skip }, async (t) => {
  const { port } = await startRedis(t)
  const redis = new Redis({ port })
  t.teardown(() => redis.disconnect())
  const chat = await Chat.startNode(t, `redis://127.0.0.1:${port}`)
  const [ada, bea] = [await enter(t, chat, 'Ada'), await enter(t, chat, 'Bea')]

  await redis.call('ACL', 'SETUSER', 'default', '-eval', '-evalsha')
  ada.send({ type: 'message', text: 'refused', date: 1 })
  t.match(await ada.next(), { type: '$error', statusCode: 500 })
  ada.send(PNG)
  t.match(await ada.next(), { type: '$error', statusCode: 500 })
  t.same(await historyOf(ada), [])
  t.same(await redis.keys('chat:image:*'), [])

  await redis.call('ACL', 'SETUSER', 'default', '+eval', '+evalsha')
  ada.send({ type: 'message', text: 'taken', date: 1 })
  for (const client of [ada, bea]) t.match(await client.next(), { type: 'message', text: 'taken' })
  t.same(await historyOf(bea), ['taken'])
})

t.test('a message of which the answer of Redis is late is told once, and is in the history once', { skip }, async (t) => {
  const proxy = await startProxy(t, await startRedis(t))
  const chat = await Chat.startNode(t, `redis://127.0.0.1:${proxy.port}`)
  const [ada, bea] = [await enter(t, chat, 'Ada'), await enter(t, chat, 'Bea')]

  const isPublished = /lobby[^]*perhaps/
  const first = proxy.pauseAt(isPublished)
  ada.send({ type: 'message', text: 'perhaps', date: 1 })
  await first
  await proxy.pauseAt(isPublished)
  t.pass('it is published again')
  proxy.resume()
  ada.send({ type: 'message', text: 'later', date: 1 })
  for (const client of [ada, bea]) {
    t.match(await client.take(2), [{ type: 'message', text: 'perhaps' }, { type: 'message', text: 'later' }])
  }
  t.same(await historyOf(bea), ['perhaps', 'later'])
})

/** A person in the room. */
async function enter (t: Test, chat: Chat, name: string): Promise<Client> {
  const client = await connect(t, chat.wsUrl, { headers: { cookie: await chat.signIn(name) }, origin: chat.url })
  t.match(await client.next(), { type: 'present' })
  return client
}

/** The texts of the history, as the room tells them. */
async function historyOf (client: Client): Promise<unknown[]> {
  client.send({ type: 'history', ref: 1 })
  const { data } = await client.next()
  return (data as Array<{ readonly text?: string }>).map(({ text }) => text)
}
