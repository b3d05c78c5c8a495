import t, { type Test } from 'tap'
import fc from 'fast-check'
import { Type as Legacy } from '@sinclair/typebox'
import { Type as Current } from 'typebox'
import { ContractError, defineContract } from '../lib/contract.js'
import { codePoint } from './support/code-point.js'
import { builders } from './support/lines.js'

const { Type } = builders[0]!
const payload = Type.Object({ text: Type.String() })

/** Misuse, as no type would let it through. */
function define (definition: unknown): unknown {
  return defineContract(definition as never)
}

function refuses (t: Pick<Test, 'throws'>, definition: unknown, message: RegExp | string, name?: string): void {
  t.throws(() => define(definition), { code: 'FST_TYPED_WS_INVALID_CONTRACT', message }, name ?? String(message))
}

t.test('defineContract fills in every default and freezes its own objects', async (t) => {
  const call = { request: payload, reply: Type.String() }
  const contract = defineContract({ name: 'chat.v1', clientToServer: { history: call, message: payload } })

  t.strictSame(contract, {
    name: 'chat.v1',
    discriminator: 'type',
    clientToServer: { history: call, message: payload },
    serverToClient: {},
    binary: { clientToServer: false, serverToClient: false },
    topics: {},
    closeCodes: {}
  })
  const { clientToServer, serverToClient, binary, topics, closeCodes } = contract
  for (const part of [contract, clientToServer, clientToServer.history, serverToClient, binary, topics, closeCodes]) {
    t.ok(Object.isFrozen(part))
  }
  t.notOk(Object.isFrozen(call), 'the definition stays the caller\'s')
  t.equal(contract.clientToServer.message, payload, 'schemas are not copied')
  t.same(defineContract({ name: 'x', binary: { serverToClient: true } }).binary, { clientToServer: false, serverToClient: true })
})

t.test('defineContract refuses a wrong part, and says what to write', async (t) => {
  for (const definition of [undefined, null, 'chat', [], 7]) refuses(t, definition, /a contract is an object: write defineContract/)
  refuses(
    t,
    { name: 'x', clientToserver: {} },
    'a contract has no property \'clientToserver\': write one of name, title, description, ' +
      'discriminator, binary, topics, closeCodes, clientToServer, serverToClient'
  )
  for (const messages of [null, [payload], 'message', 1]) {
    refuses(t, { name: 'x', clientToServer: messages }, /^clientToServer is an object of messages by name/)
  }
  for (const binary of [null, true, { clientToServer: 1 }, { both: true }, []]) {
    refuses(t, { name: 'x', binary }, /^binary says which side may send binary frames/)
  }
  t.throws(() => define(null), ContractError)
  t.equal(new ContractError('x').name, 'ContractError')
})

t.test('defineContract accepts as a name every token of RFC 9110 and nothing else', async (t) => {
  const letters = '!#$%&\'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.split('')
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...letters), minLength: 1 }), (name) => defineContract({ name }).name === name))
  fc.assert(fc.property(fc.string({ unit: codePoint }).filter((name) => {
    return name === '' || Array.from(name).some((letter) => !letters.includes(letter))
  }), (name) => {
    try { defineContract({ name }) } catch (error) { return error instanceof ContractError && error.message.includes('RFC 9110 token') }
    return false
  }))
  for (const name of [undefined, null, 7, 5n, Symbol('chat'), '', 'chat v1', 'chat/1', 'chat,1', 'çhat', 'chat\r\n']) {
    refuses(t, { name }, /must be an RFC 9110 token: write letters, digits, '\.' or '-', like name: 'chat\.v1', instead of/)
  }
})

t.test('a contract\'s name may not look like the subprotocol of a token or of a refusal', async (t) => {
  for (const name of ['bearer.v1', 'bearer.', 'Bearer.v1', 'typed-ws.refusal', 'typed-ws.recover', 'typed-ws.presence']) {
    refuses(t, { name }, /are subprotocols of the protocol's own: write another name, like name: 'chat\.v1', instead of/)
  }
  for (const name of ['bearer', 'bearers.v1', 'typed-ws.refusals']) t.equal(defineContract({ name }).name, name)
})

t.test('defineContract accepts a discriminator that neither the contract nor the protocol uses as a property', async (t) => {
  t.equal(defineContract({ name: 'x', discriminator: 'op' }).discriminator, 'op')
  t.equal(
    defineContract({ name: 'x', discriminator: 'op', clientToServer: { m: Type.Object({ type: Type.String() }) } }).discriminator,
    'op',
    '`type` is then free'
  )
  for (const discriminator of ['', 7, null, '__proto__', 'ref', 'data', 'received', 'statusCode', 'code', 'error', 'message']) {
    refuses(t, { name: 'x', discriminator }, /^discriminator is the property that carries a message's name/, `refuses ${discriminator}`)
  }
  refuses(
    t,
    { name: 'x', discriminator: 'op', clientToServer: { m: Type.Object({ op: Type.String() }) } },
    'clientToServer.m: \'op\' is the protocol\'s own property of every message: give the payload\'s property another name'
  )
})

t.test('a contract has a title, a description and close codes for people', async (t) => {
  const words = { title: 'Chat', description: 'Rooms in which people talk.', closeCodes: { 4001: 'The room is full', 4999: 'Banned' } }
  const contract = defineContract({ name: 'x', ...words })
  t.match(contract, words)
  t.not(contract.closeCodes, words.closeCodes, 'the definition stays the caller\'s')
  t.notOk('title' in defineContract({ name: 'x' }), 'absent words are absent')
  for (const text of [null, 7, '', ' ', ['a']]) {
    refuses(t, { name: 'x', title: text }, /^title is a text for people: write title: '…', or leave it out, instead of/)
    refuses(t, { name: 'x', description: text }, /^description is a text for people/)
    refuses(t, { name: 'x', closeCodes: { 4001: text } }, /^closeCodes\.4001 is a text for people: write 4001: '…'/)
  }
  for (const closeCodes of [null, [4001], 'full', 4001]) {
    refuses(t, { name: 'x', closeCodes }, /^closeCodes is an object of meanings by code/)
  }
  for (const code of ['1000', '3999', '5000', '40000', '4001.5', 'full']) {
    refuses(t, { name: 'x', closeCodes: { [code]: 'x' } }, `closeCodes.${code}: the application's close codes are those from 4000 to 4999`)
  }
  refuses(t, { name: 'x', closeCodes: { 4001: undefined } }, /^closeCodes\.4001 is a text for people/)
})

t.test('calls and streams have words for people, and events those of their schema', async (t) => {
  const words = { summary: 'Asks', description: 'For what was said.', deprecated: true }
  const ask = { request: payload, reply: payload, ...words, examples: [{ request: { text: 'a' }, reply: { text: 'b' } }, { request: {} }] }
  const watch = { request: payload, stream: payload, ...words, examples: [{ name: 'two', summary: 'Two', request: {}, stream: [1, 2] }] }
  const say = Type.Object({ text: Type.String() }, { title: 'Says', ...words, examples: [{ text: 'a' }] })
  const { clientToServer } = defineContract({ name: 'x', clientToServer: { ask, watch, say } })
  t.same(clientToServer, { ask, watch, say })
  t.equal(clientToServer.say, say)

  const refusesAsk = (more: object, message: RegExp): void => {
    const clientToServer = { ask: { request: payload, reply: payload, ...more } }
    refuses(t, { name: 'x', clientToServer }, message, `${message} ${JSON.stringify(more)}`)
  }
  refusesAsk({ summary: 7 }, /^clientToServer\.ask\.summary is a text for people: write summary: '…'/)
  refusesAsk({ description: '' }, /^clientToServer\.ask\.description is a text for people/)
  refusesAsk({ deprecated: 'yes' }, /^clientToServer\.ask\.deprecated is true or false, not "yes"/)
  refusesAsk({ title: 'Ask' }, /^clientToServer\.ask: a call has no part 'title'/)
  const examples = [null, {}, [1], [{ reply: {} }], [{ request: 7 }], [{ request: {}, stream: [] }], [{ request: {}, name: 7 }]]
  for (const wrong of examples) refusesAsk({ examples: wrong }, /^clientToServer\.ask\.examples is a list of examples: .*reply: \{\} \}\]/)
  const stream = { request: payload, stream: payload, examples: [{ request: {}, stream: 1 }] }
  refuses(t, { name: 'x', clientToServer: { stream } }, /^clientToServer\.stream\.examples is a list of examples: .*stream: \[\{\}\]/)
})

t.test('defineContract takes kinds of topics that are recoverable, and no others', async (t) => {
  const topics = {
    room: { recover: true },
    user: { recover: { maxMessages: 5, maxAgeMs: 1000 } },
    few: { recover: {} },
    plain: {}
  } as const
  const contract = defineContract({ name: 'x', topics })
  t.same(contract.topics, topics)
  t.ok(Object.isFrozen(contract.topics))
  refuses(t, { name: 'x', topics: ['room'] }, /^topics is an object of kinds by name/)
  for (const kind of ['', 'room:1', '__proto__']) {
    refuses(t, { name: 'x', topics: Object.fromEntries([[kind, {}]]) }, /^topics: a kind is the part/)
  }
  const wrong = [true, { recover: false }, { recover: 'all' }, { keep: true }, { recover: { max: 1 } }, { recover: { maxMessages: 0 } }]
  for (const options of wrong) {
    refuses(t, { name: 'x', topics: { room: options } }, /^topics\.room: write \{ recover: true \}/)
  }
})

t.test('defineContract takes for presence a schema, and no other value', async (t) => {
  const topics = { room: { presence: payload }, both: { recover: true, presence: Type.Object({ name: Type.String() }) } } as const
  t.same(defineContract({ name: 'x', topics }).topics, topics)
  for (const presence of [true, 'name', [], null]) {
    refuses(t, { name: 'x', topics: { room: { presence } } }, /^topics\.room: write .*presence: Type\.Object/)
  }
  const foreign = { '~standard': { version: 1, vendor: 'zod' } }
  refuses(t, { name: 'x', topics: { room: { presence: foreign } } }, /^topics\.room\.presence: a schema of zod is no JSON Schema/)
})

t.test('a contract with topics keeps the properties of their messages free', async (t) => {
  t.equal(defineContract({ name: 'x', discriminator: 'topic' }).discriminator, 'topic')
  refuses(t, { name: 'x', discriminator: 'topic', topics: { room: {} } }, /^discriminator is the property/)
  t.equal(defineContract({ name: 'x', discriminator: 'count', topics: { room: { recover: true } } }).discriminator, 'count')
  refuses(t, { name: 'x', discriminator: 'count', topics: { room: { presence: payload } } }, /^discriminator is the property/)
  refuses(t, { name: 'x', serverToClient: { said: Type.Object({ $at: Type.String() }) } }, /'\$at' is the protocol's own property/)
})

t.test('defineContract accepts every name for a message except those of the protocol', async (t) => {
  for (const name of ['constructor', 'toString', 'hasOwnProperty', 'prototype', 'a b', '1', 'reply', 'ünï']) {
    const contract = defineContract({ name: 'x', clientToServer: { [name]: payload } })
    t.same(Object.keys(contract.clientToServer), [name])
  }
  refuses(t, { name: 'x', serverToClient: { '': payload } }, 'serverToClient.: a message needs a name')
  refuses(
    t,
    { name: 'x', clientToServer: { $$ping: payload } },
    'clientToServer.$$ping: names that begin with \'$\' belong to the protocol: write \'ping\''
  )
  refuses(t, { name: 'x', clientToServer: { $: payload } }, /write 'message'$/)
  refuses(t, { name: 'x', clientToServer: JSON.parse('{"__proto__":{"type":"object"}}') }, /'__proto__' cannot be a message's name/)
})

t.test('defineContract tells events, calls and streams apart', async (t) => {
  const contract = defineContract({
    name: 'x',
    clientToServer: {
      event: payload,
      picture: { payload, binary: true },
      call: { request: payload, reply: Type.Null() },
      stream: { request: payload, stream: Type.Number() }
    }
  })
  t.same(Object.keys(contract.clientToServer), ['event', 'picture', 'call', 'stream'])
  t.ok(Object.isFrozen(contract.clientToServer.picture))

  const refusals: ReadonlyArray<[message: unknown, says: string]> = [
    ['text', 'clientToServer.m: a message is a schema, { request, reply } or { request, stream }, not "text"'],
    [true, 'clientToServer.m: a message is a schema, { request, reply } or { request, stream }, not true'],
    [[payload], 'clientToServer.m: a message is a schema, { request, reply } or { request, stream }, not ['],
    [() => payload, 'clientToServer.m: a message is a schema, { request, reply } or { request, stream }, not () => payload'],
    [{ request: payload }, 'clientToServer.m: the answer is missing: write reply: <schema> for one answer, or stream: <schema> for many'],
    [{ request: payload, reply: undefined }, 'clientToServer.m: the answer is missing'],
    [{ request: payload, reply: true }, 'clientToServer.m: the answer is missing'],
    [{ reply: payload }, 'clientToServer.m: request is missing: write { request: Type.Object({ … }), reply: … }'],
    [{ stream: payload }, 'clientToServer.m: request is missing: write { request: Type.Object({ … }), stream: … }'],
    [
      { request: payload, reply: payload, stream: payload },
      'clientToServer.m: a message is answered once or many times: write either reply or stream, not both'
    ],
    [
      { request: payload, reply: payload, timeoutMs: 1 },
      'clientToServer.m: a call has no part \'timeoutMs\': write { request, reply } or { request, stream }'
    ],
    [
      { request: payload, reply: payload, binary: true },
      'clientToServer.m: only an event has a binary frame: write { payload, binary: true }, and a call beside it where an answer is wanted'
    ],
    [{ payload }, 'clientToServer.m: an event with a binary frame is { payload: Type.Object({ … }), binary: true }, and an'],
    [{ binary: true }, 'clientToServer.m: an event with a binary frame is'],
    [{ payload, binary: false }, 'clientToServer.m: an event with a binary frame is'],
    [{ payload, binary: true, maxBytes: 1 }, 'clientToServer.m: an event with a binary frame is'],
    [{ payload: true, binary: true }, 'clientToServer.m: an event with a binary frame is'],
    [{ payload: Type.String(), binary: true }, 'clientToServer.m.payload: a payload shares one JSON object with its type'],
    [{ payload: Type.Object({ type: Type.Null() }), binary: true }, 'clientToServer.m.payload: \'type\' is the protocol\'s own property'],
    [Type.Object({ $binary: Type.Boolean() }), 'clientToServer.m: \'$binary\' is the protocol\'s own property']
  ]
  for (const [message, says] of refusals) refuses(t, { name: 'x', clientToServer: { m: message } }, says)
})

for (const { name, Type } of builders) {
  t.test(`${name}: a payload is an object, also behind references and unions`, async (t) => {
    const A = Type.Object({ a: Type.Number() })
    const B = Type.Object({ b: Type.Number() })
    const objects: Readonly<Record<string, object>> = {
      object: A,
      empty: Type.Object({}),
      union: Type.Union([A, B]),
      'union of unions': Type.Union([A, Type.Union([A, B])]),
      intersection: Type.Intersect([A, B]),
      'intersection with a union': Type.Intersect([A, Type.Union([B, Type.Object({ c: Type.Number() })])]),
      record: Type.Record(Type.String(), Type.Number()),
      unsafe: Type.Unsafe<{ a: number }>({ type: 'object', properties: { a: { type: 'number' } }, anyOf: [{ required: ['a'] }] }),
      'reference to the app': Type.Ref('user#'),
      oneOf: Type.Unsafe<unknown>({ oneOf: [A, B] })
    }
    for (const [what, schema] of Object.entries(objects)) {
      t.doesNotThrow(() => define({ name: 'x', clientToServer: { m: schema, q: { request: schema, reply: Type.Number() } } }), what)
    }

    const others: Readonly<Record<string, object>> = {
      string: Type.String(),
      array: Type.Array(A),
      any: Type.Any(),
      'union with null': Type.Union([A, Type.Null()]),
      'intersection of strings': Type.Intersect([Type.String(), Type.String({ maxLength: 1 })]),
      'object or null': Type.Unsafe<unknown>({ type: ['object', 'null'] }),
      'union of nothing': Type.Unsafe<unknown>({ anyOf: [] }),
      'union of booleans': Type.Unsafe<unknown>({ anyOf: [true] })
    }
    for (const [what, schema] of Object.entries(others)) {
      refuses(
        t,
        { name: 'x', clientToServer: { m: schema } },
        'clientToServer.m: a payload shares one JSON object with its type, so its schema must be an object: ' +
          'write Type.Object({ value: <schema> }) instead of ',
        what
      )
      refuses(
        t,
        { name: 'x', serverToClient: { m: { request: schema, reply: A } } },
        /^serverToClient\.m\.request: a payload shares one JSON object/,
        what
      )
      t.doesNotThrow(() => define({ name: 'x', clientToServer: { m: { request: A, reply: schema } } }), `${what} as a reply`)
    }
  })

  t.test(`${name}: a payload may not declare a property of the protocol, however deep`, async (t) => {
    const A = Type.Object({ a: Type.Number() })
    for (const property of ['type', 'ref']) {
      const bad = Type.Object({ [property]: Type.String() })
      const hidden: readonly object[] = [
        bad,
        Type.Union([A, bad]),
        Type.Intersect([A, bad]),
        Type.Intersect([A, Type.Union([A, Type.Intersect([A, bad])])]),
        Type.Object({ a: Type.Optional(Type.Number()) }, { anyOf: [{ properties: { [property]: {} } }] }),
        Type.Unsafe<unknown>({ type: 'object', if: { required: ['a'] }, then: { properties: { [property]: {} } } }),
        Type.Unsafe<unknown>({ type: 'object', if: { required: ['a'] }, else: bad }),
        Type.Unsafe<unknown>({ type: 'object', if: { properties: { [property]: { const: 'a' } } }, then: {} }),
        Type.Unsafe<unknown>({ type: 'object', dependentSchemas: { a: bad } }),
        Type.Unsafe<unknown>({ type: 'object', dependencies: { a: ['b'], c: { properties: { [property]: {} } } } }),
        Type.Unsafe<unknown>({ type: 'object', $ref: '#/definitions/bad', definitions: { bad } })
      ]
      for (const schema of hidden) {
        refuses(
          t,
          { name: 'x', clientToServer: { m: schema } },
          `clientToServer.m: '${property}' is the protocol's own property of every message: give the payload's property another name`
        )
      }
      refuses(
        t,
        { name: 'x', clientToServer: { m: { request: bad, reply: A } } },
        new RegExp(`^clientToServer\\.m\\.request: '${property}'`)
      )
      t.doesNotThrow(
        () => define({ name: 'x', clientToServer: { m: Type.Object({ inner: bad }), q: { request: A, reply: bad } } }),
        'deeper down, and in replies, it is free'
      )
    }
  })
}

t.test('defineContract checks the definitions inside a schema', async (t) => {
  const legacy = Legacy.Module({
    Good: Legacy.Object({ next: Legacy.Optional(Legacy.Ref('Good')) }),
    Bad: Legacy.Object({ type: Legacy.String() }),
    Text: Legacy.String(),
    Loop: Legacy.Ref('Loop')
  })
  const current = Current.Module({
    Good: Current.Object({ next: Current.Optional(Current.Ref('Good')), a: Current.Number() }),
    Bad: Current.Object({ type: Current.String(), next: Current.Ref('Good') }),
    Text: Current.Union([Current.Object({ inner: Current.Ref('Text') }), Current.String()])
  })
  const cyclic = (properties: object): object => ({ $defs: { Node: { $id: 'Node', type: 'object', properties } }, $ref: 'Node' })
  const recursive = Legacy.Recursive((This) => Legacy.Union([Legacy.Object({ a: Legacy.Number() }), Legacy.Object({ inner: This })]))

  for (const schema of [legacy.Import('Good'), current.Good, recursive, cyclic({ a: {} }), { ...cyclic({}), $ref: '#/$defs/Node' }]) {
    t.doesNotThrow(() => define({ name: 'x', clientToServer: { m: schema } }))
  }
  for (const schema of [legacy.Import('Bad'), current.Bad, cyclic({ type: {} }), { anyOf: [cyclic({}), cyclic({ type: {} })] }]) {
    refuses(t, { name: 'x', clientToServer: { m: schema } }, /'type' is the protocol's own/)
  }
  for (const schema of [legacy.Import('Text'), legacy.Import('Loop'), current.Text, { $ref: '#' }]) {
    refuses(t, { name: 'x', clientToServer: { m: schema } }, /its schema must be an object/)
  }
})

t.test('a ContractError shows a value without JSON by its type', async (t) => {
  const circular: Record<string, unknown> = { anyOf: [] }
  circular['self'] = circular
  refuses(t, { name: circular }, /instead of object$/)
  refuses(t, { name: 5n }, /instead of bigint$/)
  t.throws(() => define({ name: 'x', clientToServer: { m: circular } }), { code: 'FST_TYPED_WS_INVALID_CONTRACT' })
})
