// No message may throw out of the socket's 'data' event: that would end the process.
import t, { type Test } from 'tap'
import { FormatRegistry, Type } from '@sinclair/typebox'
import * as typebox from 'typebox'
import { Format } from 'typebox/format'
import { defineContract, type PluginOptions, type Socket } from '../../../lib/index.js'
import { Receiver } from '../../../lib/server/messages/receiver.js'
import { connect, createApp, exchangeRaw, handshakeText, listen, Log, maskedFrame, type Client } from '../../support/helper.js'
import { start, type live, type LiveSocket } from '../../support/live.js'

const INTERNAL = {
  type: '$error',
  statusCode: 500,
  code: 'FST_TYPED_WS_INTERNAL',
  error: 'Internal Server Error',
  message: 'Internal Server Error'
}

// JSON values that a client may send where a text is expected.
const strange: readonly string[] = [
  '{"toString":null}', '[{"toString":null}]', '[[{"toString":null,"valueOf":null}]]', '{"toString":1}', '{"toJSON":1}', '{"then":null}',
  '[]', '{}', 'null', 'true', '0', '1e400', '-1', '""',
  '"\\ud800"', '"\\u0000"', JSON.stringify('x'.repeat(60_000))
]

t.test('an $error of the client whose texts are no strings rejects the call, and changes nothing else', async (t) => {
  const { client, socket, log } = await start(t, {}, { rateLimit: false })
  let ref = 0
  for (const property of ['message', 'code', 'error', 'statusCode', 'received']) {
    for (const value of strange) {
      const answer = socket.call('confirm', { question: '' })
      await client.next()
      client.send(`{"type":"$error","ref":${++ref},"${property}":${value}}`)
      const error = await answer.then(() => undefined, (error: unknown) => error as Error & { code: string })
      t.equal(error?.code, 'FST_TYPED_WS_CALL_REFUSED', `${property}: ${value.slice(0, 40)}`)
      t.ok(error!.message.length < 1000, 'the message is no longer than a line')
    }
  }
  client.send({ type: 'ask', ref: 1, n: 5 })
  t.same(await client.next(), { type: '$reply', ref: 1, data: 5 }, 'the connection lives')
  t.equal(log.lines.filter(({ level }) => level >= 50).length, 0)
})

t.test('an $error of the client without a message rejects the call with "it gave no reason"', async (t) => {
  const { client, socket } = await start(t)
  for (const [ref, message] of [[1, ''], [2, ',"message":7']] as const) {
    const answer = socket.call('confirm', { question: '' })
    await client.next()
    client.send(`{"type":"$error","ref":${ref}${message}}`)
    await t.rejects(answer, { message: 'The client refused call \'confirm\': it gave no reason' })
  }
})

t.test('texts of the client in errors are cut and printable, since errors end in a log', async (t) => {
  const { client, socket } = await start(t)
  const odd = '\u0085\u202e\n'
  const refused = socket.call('confirm', { question: '' })
  await client.next()
  client.send({ type: '$error', ref: 1, message: `${odd}${'x'.repeat(1000)}` })
  await t.rejects(refused, { message: /^The client refused call 'confirm': \\u\{85\}\\u\{202e\}\\u\{a\}x{253}…$/ })
  t.throws(() => socket.send(odd as 'said', { text: '' }), { message: /event '\\u\{85\}\\u\{202e\}\\u\{a\}'/ })
  await t.rejects(socket.call(odd as 'confirm', { question: '' }), { message: /call '\\u\{85\}/ })
})

t.test('the explanation of an invalid reply is printable, though it names properties that the client chose', async (t) => {
  const contract = defineContract({
    name: 'named.v1',
    serverToClient: { ask: { request: Type.Object({}), reply: Type.Record(Type.String(), Type.Number()) } }
  })
  const app = await createApp(t)
  app.ws('/', { contract })
  const client = await connect(t, await listen(app))
  const refused = app.channel(contract).sockets().next().value!.call('ask', {})
  await client.next()
  client.send({ type: '$reply', ref: 1, data: { '\u202e': 'x' } })
  await t.rejects(refused, { code: 'FST_TYPED_WS_CALL_INVALID', message: /message\/\\u\{202e\} must be number/ })
})

const fault = new Error('the check is broken')
const breakOn = (value: unknown): boolean => {
  if (value === 'boom') throw fault
  return true
}
FormatRegistry.Set('breaks', breakOn)
Format.Set('breaks', breakOn)

/** Schemas of a text on which a check of the app's own throws, for each of the validators. */
const checks: ReadonlyArray<readonly [what: string, text: object, options?: PluginOptions]> = [
  ['a format of FormatRegistry', Type.String({ format: 'breaks' })],
  ['a format of Format.Set', typebox.Type.String({ format: 'breaks' })],
  ['a refinement', typebox.Type.Refine(typebox.Type.String(), breakOn)],
  ['a keyword of Ajv\'s', { type: 'string', breaks: true }, {
    ajv: {
      plugins: [
        (ajv: { addKeyword (definition: object): void }) => ajv.addKeyword({
          keyword: 'breaks',
          validate: (_: unknown, value: unknown) => breakOn(value)
        })
      ]
    }
  }]
]

for (const [what, text, options = {}] of checks) {
  const payload = { type: 'object', properties: { text }, required: ['text'] }
  // Each line compiles what it made; a plain schema is Ajv's.
  const object =
    Symbol.for('TypeBox.Kind') in text
      ? Type.Object({ text: text as never })
      : '~kind' in text ? typebox.Type.Object({ text: text as never }) : payload
  const contract = defineContract({
    name: 'checked.v1',
    clientToServer: {
      say: object,
      ask: { request: object, reply: object },
      count: { request: object, stream: object },
      act: Type.Object({})
    },
    serverToClient: { said: object, confirm: { request: Type.Object({}), reply: text } }
  } as never) as unknown as typeof live
  type Loose = Socket & { call (type: string, payload: object): Promise<unknown>, send (type: string, payload: object): boolean }

  const open = async (t: Test, more: object = {}): Promise<{ client: Client, log: Log, socket: Loose }> => {
    const log = new Log()
    const app = await createApp(t, options, { logger: log.options })
    const on = { say () {}, ask: (payload: object) => payload, async * count (payload: object) { yield payload }, act () {} }
    app.ws('/', { contract, on, ...more } as never)
    const client = await connect(t, await listen(app))
    return { client, log, socket: app.channel(contract).sockets().next().value as unknown as Loose }
  }

  t.test(`${what} that throws on a message is answered as an internal error, by its ref`, async (t) => {
    const seen: unknown[] = []
    const { client, log } = await open(t)
    for (const [type, ref] of [['say', undefined], ['ask', 7], ['count', 8]] as const) {
      client.send({ type, ref, text: 'boom' })
      const { ref: answered, ...error } = await client.next()
      t.same(error, { ...INTERNAL, received: type })
      t.equal(answered, ref)
    }
    t.match(
      log.find('websocket handler failed').map(({ level, err }) => [level, (err as Error).message]),
      Array(3).fill([50, 'the check is broken']),
      'each is logged'
    )
    client.send({ type: 'ask', ref: 9, text: 'fine' })
    t.same(await client.next(), { type: '$reply', ref: 9, data: { text: 'fine' } })
    const handled = await open(t, {
      errorHandler: (error: unknown, _: unknown, message: { type: string, payload: unknown }) => {
        seen.push([
          error,
          message.type,
          message.payload
        ])
      }
    })
    handled.client.send({ type: 'say', text: 'boom' })
    t.match(await handled.client.next(), INTERNAL)
    t.same(seen, [[fault, 'say', { text: 'boom' }]], 'errorHandler is given what was thrown')
  })

  t.test(`${what} that throws on the reply to a server's call rejects the call`, async (t) => {
    const { client, socket } = await open(t)
    const answer = socket.call('confirm', {})
    await client.next()
    client.send({ type: '$reply', ref: 1, data: 'boom' })
    await t.rejects(answer, {
      code: 'FST_TYPED_WS_CHECK_FAILED',
      statusCode: 500,
      message: 'The check of the reply to call \'confirm\' failed: the check is broken',
      cause: fault
    })
    t.same(await client.next(), { ...INTERNAL, received: '$reply' })
    const next = socket.call('confirm', {})
    await client.next()
    client.send({ type: '$reply', ref: 2, data: 'fine' })
    t.equal(await next, 'fine')
  })

  t.test(`${what} that throws on an outgoing message throws to the sender`, async (t) => {
    const { client, socket } = await open(t, {
      on: { say () {}, ask: () => ({ text: 'boom' }), async * count () { yield { text: 'boom' } }, act () {} }
    })
    t.throws(() => socket.send('said', { text: 'boom' }), {
      code: 'FST_TYPED_WS_OUTGOING_INVALID',
      message: 'Outgoing said breaks its schema: the check is broken',
      cause: fault
    })
    for (const [type, ref] of [['ask', 1], ['count', 2]] as const) {
      client.send({ type, ref, text: 'fine' })
      t.same(await client.next(), { ...INTERNAL, ref, received: type })
    }
  })
}

t.test('many messages on which a check throws cost as much as any message', async (t) => {
  const log = new Log()
  const app = await createApp(t, { rateLimit: { max: 1, timeWindowMs: 2 ** 31 - 1 } }, { logger: log.options })
  const contract = defineContract({ name: 'checked.v1', clientToServer: { say: Type.Object({ text: Type.String({ format: 'breaks' }) }) } })
  app.ws('/', { contract, on: { say () {} } })
  const client = await connect(t, await listen(app))
  for (let n = 0; n < 3; n++) client.send({ type: 'say', text: 'boom' })
  for (const statusCode of [500, 500, 429]) t.match(await client.next(), { type: '$error', statusCode })
})

t.test('an instrument that throws while a message is received ends no process, and the client gets an $error', async (t) => {
  const log = new Log()
  const app = await createApp(t, {}, { logger: log.options })
  const contract = defineContract({ name: 'texts.v1', clientToServer: { ask: { request: Type.Object({}), reply: Type.Null() } } })
  app.ws('/', { contract, on: { ask: () => null } })
  const client = await connect(t, await listen(app))
  const socket = app.channel(contract).sockets().next().value!
  const { close } = socket.raw
  // As a tracer that wraps the methods of ws might do.
  socket.raw.close = () => { throw new Error('the tracer is broken') }
  client.send(Buffer.from([1]))
  t.same(await client.next(), INTERNAL)
  t.match(log.find('websocket handler failed'), [{ level: 50, err: { message: 'the tracer is broken' } }])
  socket.raw.close = close
  client.send({ type: 'ask', ref: 1 })
  t.match(await client.next(), { type: '$reply', ref: 1 })
})

t.test('a message too long for a string is answered with an $error', async (t) => {
  const { socket, client } = await start(t)
  const long = { toString: () => { throw new RangeError('Cannot create a string longer than 0x1fffffe8 characters') } }
  ;(socket.raw as unknown as { emit (name: string, data: unknown, isBinary: boolean): void }).emit('message', long, false)
  t.same(await client.next(), INTERNAL)
})

t.test('a message that comes with the handshake, and on which a check throws, is answered like any other', async (t) => {
  const app = await createApp(t)
  const contract = defineContract({ name: 'checked.v1', clientToServer: { say: Type.Object({ text: Type.String({ format: 'breaks' }) }) } })
  app.ws('/', { contract, on: { say (_, socket) { socket.close() } } })
  await listen(app)
  const early = Buffer.concat([
    Buffer.from(handshakeText(app, '/')),
    maskedFrame('{"type":"say","text":"boom"}'),
    maskedFrame('{"type":"say","text":"fine"}'),
    maskedFrame(Buffer.from([3, 232]), 0x88)
  ])
  t.match(await exchangeRaw(t, app, early), /FST_TYPED_WS_INTERNAL/)
})

t.test('frames that arrive while input is ignored are left out, texts and binary ones', async (t) => {
  const receiver = new Receiver({} as never, { input: { isIgnored: true } } as never, { isFull: false } as never, {} as never)
  receiver.takeText('{"type":"late"}', 15)
  receiver.takeBinary(Buffer.of(1))
  t.equal(receiver.received, 0)
})

t.test('a message that arrives after the close frame of the server is not handled, as in browsers', async (t) => {
  const handled: string[] = []
  const { client } = await start(t, { say ({ text }, socket: LiveSocket) { handled.push(text); socket.close() } })
  client.send({ type: 'say', text: 'last' })
  client.send({ type: 'say', text: 'late' })
  client.send(Buffer.from([1]))
  await client.closed()
  t.same(handled, ['last'])
})
