import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { FastifyInstance } from 'fastify'
import type { Socket } from '../../../lib/index.js'
import { connect, createApp, listen, until, type Client, type Teardown } from '../../support/helper.js'
import { deferred } from '../../support/deferred.js'
import { live } from '../../support/live.js'

/**
 * Every member of `Socket`: the compiler refuses this object when one is missing or not declared.
 */
const declared: Record<keyof Socket, true> = {
  id: true,
  data: true,
  request: true,
  log: true,
  contract: true,
  protocol: true,
  readyState: true,
  raw: true,
  signal: true,
  bufferedAmount: true,
  topics: true,
  expiresAt: true,
  send: true,
  drained: true,
  call: true,
  sendBinary: true,
  subscribe: true,
  unsubscribe: true,
  publish: true,
  close: true,
  terminate: true
}

const channels = [
  'connection.open', 'message.received', 'message.sent', 'message.handled', 'message.refused', 'error', 'slow',
  'dropped', 'connection.close'
]

/** Notes the socket of everything that is published until the test ends. */
function noteSockets (t: Teardown): Map<string, unknown> {
  const noted = new Map<string, unknown>()
  for (const channel of channels) {
    const note = (message: unknown): void => void noted.set(channel, (message as { socket: unknown }).socket)
    subscribe(`fastify-typed-ws.${channel}`, note)
    t.teardown(() => unsubscribe(`fastify-typed-ws.${channel}`, note))
  }
  return noted
}

interface Opened {
  readonly app: FastifyInstance
  readonly client: Client
  readonly socket: Socket<typeof live>
}

/** A route whose functions note the socket that they are given, and a client on it. */
async function start (t: Teardown, note: (place: string, socket: Socket<typeof live>) => void = () => {}): Promise<Opened> {
  const app = await createApp(t, { highWaterMarkBytes: 1024, slowConsumer: 'drop', maxPayloadBytes: 64 })
  app.ws('/', {
    contract: live,
    on: {
      say (_, socket) {
        note('on', socket)
        throw new Error('say failed')
      },
      ask ({ n }, socket) {
        note('call', socket)
        return n
      },
      async * count (_, socket) {
        note('stream', socket)
        yield { n: 1 }
      },
      renew: (_, socket) => note('refresh', socket)
    },
    refresh: 'renew',
    binary: (_, socket) => note('binary', socket),
    open: (socket) => note('open', socket),
    close: (socket) => note('close', socket),
    errorHandler: (_error, socket) => note('errorHandler', socket)
  })
  const client = await connect(t, await listen(app))
  return { app, client, socket: app.channel(live).sockets().next().value! }
}

/**
 * Everything that JavaScript reaches by name on an object: its own names and those of its
 * prototypes.
 */
function chainOf (value: object): object[] {
  const prototype = Object.getPrototypeOf(value) as object
  return prototype === Object.prototype ? [value] : [value, ...chainOf(prototype)]
}

t.test('a socket has the members that Socket declares, and no other', async (t) => {
  const { socket } = await start(t)
  const chain = chainOf(socket)
  const names = chain.flatMap((one) => Object.getOwnPropertyNames(one))
  t.same([...new Set(names)].sort(), ['constructor', ...Object.keys(declared)].sort())
  t.same(chain.flatMap((one) => Object.getOwnPropertySymbols(one)), [], 'no symbols')
  t.same(Reflect.ownKeys(socket), [], 'no own properties: what they held could be replaced')
})

t.test('the class of a socket has no members of its own', async (t) => {
  const { socket } = await start(t)
  t.same(new Set(Reflect.ownKeys(socket.constructor)), new Set(['length', 'name', 'prototype']))
})

t.test('every place that hands out a socket hands out the same object', async (t) => {
  const published = noteSockets(t)
  const noted = new Map<string, unknown>()
  const closed = deferred()
  const { app, client, socket } = await start(t, (place, seen) => {
    noted.set(place, seen)
    if (place === 'close') closed.resolve()
  })
  client.send({ type: 'say', text: '' })
  client.send({ type: 'ask', ref: 1, n: 1 })
  client.send({ type: 'count', ref: 2, to: 1 })
  client.send({ type: 'renew' })
  client.send(Buffer.from([1]))
  client.send('no JSON')
  await client.flushed()
  await until(() => published.has('message.refused'))
  client.ws.pause()
  while (!published.has('dropped')) socket.send('said', { text: 'x'.repeat(100_000) })
  client.ws.resume()
  t.equal(await app.channel(live).disconnect((seen) => { noted.set('disconnect', seen); return true }), 1)
  await closed.promise
  t.same([...noted.keys()].sort(), ['binary', 'call', 'close', 'disconnect', 'errorHandler', 'on', 'open', 'refresh', 'stream'])
  t.same([...published.keys()].sort(), [...channels].sort())
  for (const [place, seen] of [...noted, ...published]) t.equal(seen, socket, place)
})

t.test('a socket is a key of a Map for as long as its connection lives', async (t) => {
  const names = new Map<unknown, string>()
  const closed = deferred<string | undefined>()
  const { client } = await start(t, (place, socket) => {
    if (place === 'open') names.set(socket, 'ann')
    if (place === 'close') closed.resolve(names.get(socket))
  })
  await client.close()
  t.equal(await closed.promise, 'ann')
})

t.test('the data of a socket is its own, and the same object in every handler', async (t) => {
  const seen: object[] = []
  const { app, client, socket } = await start(t, (_, { data }) => { seen.push(data) })
  const other = await connect(t, `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/`)
  t.same(socket.data, {})
  const first = seen.filter((data) => data === socket.data).length
  client.send({ type: 'say', text: 'a' })
  await client.flushed()
  t.ok(seen.filter((data) => data === socket.data).length > first)
  t.equal(new Set(seen).size, 2)
  await other.close()
})
