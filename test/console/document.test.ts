// The console's view of a document.
import t from 'tap'
import { readDocument, urlOf, type Route } from '../../lib/console/page/document.js'
import { answerTo, ANY_TEXT, draftOf, finished, hintsAbout, isQuestion, pretty } from '../../lib/console/page/draft.js'
import { createStudy } from '../asyncapi/study.js'

const HOST = 'localhost:3000'

async function readStudy (t: Parameters<typeof createStudy>[0], more: object = {}) {
  const app = await createStudy(t, more)
  await app.ready()
  return readDocument(app.asyncapi(), HOST)
}

/** A document of another server's. */
function foreign (channel: object, operations: object = {}, more: object = {}) {
  return readDocument({ asyncapi: '3.1.0', channels: { one: channel }, operations, ...more }, HOST)
}

t.test('a document of ours is read as a whole', async (t) => {
  const { title, routes } = await readStudy(t, { protocol: true })
  t.equal(title, 'Chat 1.0.0')
  const [route] = routes as [Route]
  t.match(route, {
    id: 'chatRoom',
    title: 'A room',
    words: 'A room: its members hear all that is said in it. Opened with the subprotocol `chat.v1`, or none.',
    address: '/chat/{room}',
    fields: [
      { name: 'room', description: 'Name of the room. At most 64 characters.', values: [], value: 'lobby' },
      { name: '?lang', values: ['en', 'de'], value: 'en' }
    ],
    subprotocol: 'chat.v1',
    discriminator: 'type',
    isTyped: true,
    closeCodes: { 4001: 'The room is full', 4510: 'Banned' }
  })
  t.same(route.messages.map(({ key, kind, answers }) => [key, kind, answers.map(({ name }) => name)]), [
    ['sent message', 'event', []], ['sent whisper', 'event', []], ['sent history', 'call', ['$reply', '$error']],
    ['sent search', 'stream', ['$next', '$done', '$error']], ['sent binary frame', 'binary', []],
    ['received message', 'event', []], ['received image', 'event', []], ['received present', 'event', []], ['received joined', 'event', []],
    ['received left', 'event', []], ['received confirm', 'call', ['$reply', '$error']], ['received binary frame', 'binary', []]
  ], 'without the messages of the protocol, of which the page knows itself')
  t.match(route.messages.find(({ name }) => name === 'whisper')?.words, /^Deprecated/)
})

t.test('a server of the page\'s name has its path in front', async (t) => {
  const { routes } = await readStudy(t, { servers: { here: { host: HOST, protocol: 'ws', pathname: '/api/' } } })
  t.equal(routes[0]!.address, '/api/chat/{room}')
  t.equal((await readStudy(t)).routes[0]!.address, '/chat/{room}', 'and that of another name has not')
})

t.test('a foreign document is read by what AsyncAPI says', async (t) => {
  const { title, routes: [route] } = foreign({
    address: 'feed',
    bindings: { ws: { headers: { properties: { 'Sec-WebSocket-Protocol': { enum: ['feed.1', 'feed.0'] } } } } },
    messages: {
      subscribe: { payload: { schemaFormat: 'application/schema+json', schema: { type: 'object' } }, summary: 'Begins.' },
      tick: { name: 'tick', payload: { properties: { price: { type: 'number' }, event: { const: 'tick' } } } }
    }
  }, {
    in: { action: 'receive', channel: { $ref: '#/channels/one' }, messages: [{ $ref: '#/channels/one/messages/subscribe' }], reply: {} },
    out: { action: 'send', channel: { $ref: '#/channels/one' }, summary: 'All of them.' },
    else: { action: 'send', channel: { $ref: '#/channels/two' } }
  })
  t.equal(title, '')
  t.match(route, { address: '/feed', title: '', subprotocol: 'feed.1', discriminator: 'event', isTyped: false, closeCodes: {} })
  t.match(route!.messages.map(({ key, kind, words, schema }) => ({ key, kind, words, schema })), [
    { key: 'sent message', kind: 'call', words: 'Begins.', schema: { type: 'object' } },
    { key: 'received message', kind: 'event', words: 'Begins.' },
    { key: 'received tick', kind: 'event', words: 'All of them.' }
  ])
})

t.test('the least that a document may say is enough', async (t) => {
  const { routes: [route] } = foreign({
    parameters: { id: {}, n: { default: 5 } },
    messages: { a: { payload: { properties: { n: { type: 'number' } } } } }
  })
  t.match(route, { id: 'one', address: '/one', title: '', words: '', subprotocol: '', discriminator: 'type', messages: [] })
  t.same(route!.fields, [
    { name: 'id', description: '', values: [], value: '' },
    { name: 'n', description: '', values: [], value: '5' }
  ])
})

t.test('a name stands in any part of a schema', async (t) => {
  const { routes: [route] } = foreign({
    'x-typed-ws': { discriminator: 'op' },
    messages: {
      a: { payload: { allOf: [{}, { anyOf: [{ properties: { op: { const: 'say' } } }] }] } },
      b: { title: 'Titled', payload: { $ref: '#/loop' } }
    }
  }, { in: { action: 'receive', channel: { $ref: '#/channels/one' } } }, { loop: { allOf: [{ $ref: '#/loop' }] } })
  t.same(route!.messages.map(({ name }) => name), ['say', 'Titled'])
})

t.test('of several schemas the first with a name is that of the message', async (t) => {
  let deep: object = { properties: { event: { const: 'deep' } } }
  for (let i = 0; i < 6; i++) deep = { oneOf: [{}, deep] }
  const { routes: [route] } = foreign({
    messages: {
      a: { payload: { properties: { event: { const: 'a' } } } },
      b: { payload: deep, examples: [{ name: 'none' }, { payload: 5 }] }
    }
  }, { in: { action: 'receive', channel: { $ref: '#/channels/one' } } })
  t.same(route!.messages.map(({ name }) => name), ['a', 'message'], 'but not of one far below')
  t.same(route!.messages[1]!.examples, [5], 'an example without a payload is none')
})

t.test('a deprecated message says so, once', async (t) => {
  const payload = { deprecated: true }
  const { routes: [route] } = foreign({
    messages: { a: { payload, summary: 'Says it.' }, b: { payload, summary: 'Is deprecated.' } }
  }, { in: { action: 'receive', channel: { $ref: '#/channels/one' } } })
  t.same(route!.messages.map(({ words }) => words), ['Deprecated. Says it.', 'Is deprecated.'])
})

t.test('a text in JSON is shown with a line for each value, any other as it is', async (t) => {
  t.equal(pretty('{"a":[1]}'), '{\n  "a": [\n    1\n  ]\n}')
  t.equal(pretty('no JSON'), 'no JSON')
})

t.test('anything but a document of AsyncAPI 3 is refused by a sentence', async (t) => {
  for (const document of [null, [], 'asyncapi: 3.0.0', {}, { asyncapi: '2.6.0' }, { openapi: '3.0.0' }]) {
    t.throws(() => readDocument(document, HOST), { message: 'This is no AsyncAPI 3 in JSON.' })
  }
})

t.test('the URL of a route has its values, encoded', async (t) => {
  const { routes: [route] } = foreign({ address: '/a/{id}/files/{wildcard}-{x}' })
  const url = (values: Record<string, string>) => urlOf(route!, values, 'https://example.com')
  t.equal(url({ id: 'a b/c', wildcard: 'x/y z', x: '1', '?q': 'ä', '?none': '' }), 'wss://example.com/a/a%20b%2Fc/files/x/y%20z-1?q=%C3%A4')
  t.equal(url({ wildcard: 'f' }), 'wss://example.com/a/files/f-')
  t.equal(urlOf(foreign({ address: '/{id}' }).routes[0]!, {}, 'http://localhost'), 'ws://localhost/')
})

t.test('a draft is the example of the document, or a sample', async (t) => {
  const { routes: [route], resolve } = await readStudy(t)
  const draft = (key: string) => JSON.parse(draftOf(route!.messages.find((one) => one.key === key)!, resolve)) as unknown
  t.same(draft('sent message'), { type: 'message', text: 'Hello', date: 1795804800000 })
  t.same(draft('sent search'), { type: 'search', words: 'lunch' }, 'without a ref, which the page gives')
  t.same(draft('received joined'), { type: 'joined', id: 'text', name: 'text' })
  t.equal(draftOf(ANY_TEXT, resolve), '{}')
  const { messages: [plain] } =
    foreign({ messages: { a: { payload: { type: 'string' } } } }, {
      a: { action: 'receive', channel: { $ref: '#/channels/one' } }
    }).routes[0]!
  t.equal(draftOf(plain!, resolve), '"text"')
})

t.test('an answer has the ref of its question, and is judged by its own schema', async (t) => {
  const { routes: [route], resolve } = await readStudy(t)
  const question = { ref: 7, type: 'confirm', isOurs: false, at: 0, isOpen: true }
  const subject = answerTo(question, route!)
  t.same(JSON.parse(draftOf(subject, resolve)), { type: '$reply', ref: 7, data: true })
  t.notOk(isQuestion(subject))
  t.match(subject.schema, { $ref: '#/components/schemas/ChatV1ClientConfirmReply' })
  t.same(hintsAbout('{"type":"$reply","ref":7,"data":"yes"}', subject, route!, resolve), [{ path: 'data', text: 'must be boolean' }])
  const other = answerTo({ ...question, type: 'other' }, route!)
  t.same(JSON.parse(draftOf(other, resolve)), { ref: 7 }, 'that of an unknown call may be anything')
})

t.test('the answer to a call of another protocol is the first that its document has', async (t) => {
  const { routes: [route] } = foreign({
    messages: {
      ask: { payload: { properties: { event: { const: 'ask' } } } },
      yes: { payload: { properties: { event: { const: 'yes' } } } }
    }
  }, {
    out: {
      action: 'send',
      channel: { $ref: '#/channels/one' },
      messages: [{ $ref: '#/channels/one/messages/ask' }],
      reply: { messages: [{ $ref: '#/channels/one/messages/yes' }] }
    }
  })
  const { schema } = answerTo({ ref: 1, type: 'ask', isOurs: false, at: 0, isOpen: true }, route!)
  t.match(schema, { properties: { event: { const: 'yes' } } })
})

t.test('a question gets a ref when it is sent, and all other texts stay as they are', async (t) => {
  const { routes: [route], resolve } = await readStudy(t)
  const history = route!.messages.find(({ key }) => key === 'sent history')!
  const message = route!.messages.find(({ key }) => key === 'sent message')!
  const ref = 4
  t.equal(finished('{ "type": "history" }', history, route!, ref), '{"type":"history","ref":4}')
  t.equal(finished('{ "type": "history", "ref": 9 }', history, route!, ref), '{ "type": "history", "ref": 9 }')
  t.equal(finished('{ "type": "history" }', history, { isTyped: false }, ref), '{ "type": "history" }')
  t.equal(finished('{ "text": 1e400 }', message, route!, ref), '{ "text": 1e400 }')
  t.equal(finished('no JSON', history, route!, ref), 'no JSON')
  t.same(hintsAbout('{"type":"history"}', history, route!, resolve), [], 'no hint asks for that ref')
  t.match(hintsAbout('{', history, route!, resolve), [{ path: '', text: /^is no JSON, and is sent as it is: / }])
  t.same(hintsAbout('5', message, route!, resolve), [{ path: '', text: 'must be object' }])
  t.same(hintsAbout('5', ANY_TEXT, route!, resolve), [])
})
