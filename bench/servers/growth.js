// @ts-check
// Ours, with as many messages in its contract, and as many topics for each connection, as the
// arguments say.
import { setTimeout as delay } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import typedWs from 'fastify-typed-ws'
import { defineContract } from 'fastify-typed-ws/contract'
import { PLUGIN_OPTIONS, KINDS, numberedAnswer, numberedName, schemas, topicName } from '../messages.js'
import { report } from '../row.js'

const [messages, each] = process.argv.slice(2).map(Number)
const GROUPS = 100                 // of connections that are in the same topics
const Post = Type.Object({ topic: Type.String({ maxLength: 64 }), text: Type.String({ maxLength: 200 }) })

const startedMs = performance.now()
const names = Array.from({ length: messages }, (_, k) => numberedName(k))
const schemaOf = (/** @type {string} */ _name, /** @type {number} */ k) => schemas[KINDS[k % 3]]()
const numbered = defineContract({
  name: 'numbered.v1',
  clientToServer: Object.fromEntries(names.map((name, k) => [name, schemaOf(name, k)])),
  serverToClient: Object.fromEntries(names.map((name, k) => [numberedAnswer(name), schemaOf(name, k)]))
})
const topics = defineContract({ name: 'topics.v1', clientToServer: { post: Post }, serverToClient: { posted: Post } })

const app = Fastify()
await app.register(typedWs, PLUGIN_OPTIONS)

/** @type {any} One for each message. */
const on = Object.fromEntries(names.map((name) => {
  const answer = numberedAnswer(name)
  return [name, (/** @type {any} */ payload, /** @type {any} */ socket) => { socket.send(answer, payload) }]
}))
app.ws('/echo', { contract: numbered, on })

let [opened, ready] = [0, 0]
app.ws('/post', {
  contract: topics,
  on: { post: ({ topic, text }, socket) => { socket.publish(topic, 'posted', { topic, text }) } }
})
app.ws('/topics', {
  contract: topics,
  async open (socket) {
    const group = opened++ % GROUPS
    for (let j = 0; j < each; j++) await socket.subscribe(topicName(group * each + j))
    ready++
  },
  on: { post () {} }
})

/** @param {{ count: number }} question */
async function subscribed ({ count }) {
  while (ready < count) await delay(10)
}

const address = await app.listen({ host: '127.0.0.1', port: 0 })
const bootMs = performance.now() - startedMs
report(Number(new URL(address).port), { subscribed, boot: () => bootMs })
