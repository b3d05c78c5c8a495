import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FormatRegistry, Kind, Type as Legacy, TypeRegistry } from '@sinclair/typebox'
import { Type as Current } from 'typebox'
import { Format } from 'typebox/format'
import { defineContract } from '../../../lib/contract.js'
import { definitionOf } from '../../../lib/server/compile/ajv.js'
import { refuseSlowPatterns } from '../../../lib/server/compile/slow-patterns.js'
import { References } from '../../../lib/schema/references.js'
import { loadTypeBox, type TypeBox } from '../../../lib/server/compile/typebox.js'
import { Vocabulary } from '../../../lib/server/compile/vocabulary.js'
import { builders, compile, decoderOf, eventOf, lines, plain, refusalOf, replyOf, type Builder } from '../../support/lines.js'

const { Type } = builders[0]!

/** The same for a payload that is taken and for the error of one that is not. */
function verdict (schema: object, payload: object, options?: Parameters<typeof refusalOf>[2]): string {
  return refusalOf(schema, payload, options) ?? 'taken'
}

type Options = Parameters<typeof refusalOf>[2]

function refusesToBoot (t: Pick<Test, 'throws'>, schema: object, message: string | RegExp, options: Options = {}): void {
  t.throws(() => decoderOf(schema, options), { code: 'FST_TYPED_WS_INVALID_SCHEMA', message }, String(message))
}

t.test('compileContract names the message that cannot be compiled', async (t) => {
  const bad = plain(Type.Object({ a: Type.String({ format: 'nope' }) }))
  const good = Type.Object({})
  const where = (definition: object, message: string): void => {
    t.throws(
      () => compile({ name: 'chat', ...definition }),
      { code: 'FST_TYPED_WS_INVALID_SCHEMA', statusCode: 500, message: `Message ${message} cannot be compiled: ` },
      message
    )
  }
  where({ clientToServer: { good, say: bad } }, 'chat clientToServer.say')
  where({ clientToServer: { ask: { request: bad, reply: good } } }, 'chat clientToServer.ask')
  where({ clientToServer: { ask: { request: good, reply: bad } } }, 'chat clientToServer.ask.reply')
  where({ serverToClient: { said: bad } }, 'chat serverToClient.said')
})

t.test('a compiled contract has a codec for every message of its route', async (t) => {
  const schema = Type.Object({ a: Type.Number() })
  const { incoming, outgoing } = compile({
    name: 'x',
    clientToServer: {
      event: schema,
      call: { request: schema, reply: Type.Number() },
      stream: { request: schema, stream: Type.Number() },
      constructor: schema
    },
    serverToClient: { event: schema, call: { request: schema, reply: Type.Number() }, toString: schema }
  })
  t.same([...incoming.keys()], ['event', 'call', 'stream', 'constructor'])
  t.same([...incoming.values()].map(({ answer }) => answer !== undefined), [false, true, true, false])
  t.same([...incoming.values()].map(({ kind }) => kind), ['event', 'call', 'stream', 'event'])
  t.same([...outgoing.keys()], ['event', 'call', 'toString'])
  t.same([...outgoing.values()].map(({ reply }) => reply !== undefined), [false, true, false])
  t.same([...outgoing.values()].map(({ kind }) => kind), ['event', 'call', 'event'])
})

t.test('compileContract uses formats as they are registered, and those of ajv-formats by default', async (t) => {
  FormatRegistry.Set('ipv4', (text) => text === 'of the app')
  Format.Set('room', (text) => text.startsWith('#'))
  t.teardown(() => { FormatRegistry.Delete('ipv4'); Format.Reset() })
  const formats = {
    'date-time': '2026-01-01T00:00:00Z',
    date: '2026-01-01',
    time: '00:00:00Z',
    email: 'a@b.de',
    uri: 'https://a.de',
    uuid: '123e4567-e89b-12d3-a456-426614174000',
    'iso-time': '00:00:00',
    password: 'x',
    byte: 'YQ=='
  }
  for (const { name, Type, of } of lines) {
    for (const [format, text] of Object.entries(formats)) {
      const schema = of(Type.Object({ x: Type.String({ format }) }))
      t.equal(verdict(schema, { x: text }), 'taken', `${name}: ${format}`)
      if (format !== 'password') t.equal(verdict(schema, { x: '?' }), `message/x must match format "${format}"`, `${name}: ${format}`)
    }
    refusesToBoot(t, of(Type.Object({ x: Type.Optional(Type.Array(Type.String({ format: 'nope' }))) })), 'unknown format "nope"')
  }
  t.equal(verdict(Legacy.Object({ x: Legacy.String({ format: 'ipv4' }) }), { x: 'of the app' }), 'taken', 'what the app registered stays')
  t.equal(verdict(Legacy.Object({ x: Legacy.String({ format: 'ipv4' }) }), { x: '127.0.0.1' }), 'message/x must match format "ipv4"')
  t.equal(verdict(Current.Object({ x: Current.String({ format: 'room' }) }), { x: 'lobby' }), 'message/x must match format "room"')
  t.equal(FormatRegistry.Has('email'), false, 'the registry is the app\'s alone')
})

t.test('compileContract checks every keyword, also those that a line of TypeBox ignores', async (t) => {
  for (const { name, Type, of } of lines) {
    const rows: ReadonlyArray<[schema: object, value: unknown]> = [
      [Type.String({ enum: ['a'] }), 'b'],
      [Type.String({ const: 'a' }), 'b'],
      [Type.Integer({ format: 'int32' }), 2 ** 40],
      [Type.Object({}, { propertyNames: { maxLength: 1 } }), { ab: 1 }],
      [Type.Object({}, { patternProperties: { '^a': { type: 'number' } } }), { a: '1' }],
      [Type.Object({}, { if: { required: ['a'] }, then: { required: ['b'] } }), { a: 1 }],
      [Type.Object({}, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }), {}],
      [Type.Object({}, { anyOf: [{ required: ['a'] }] }), {}],
      [Type.Object({}, { allOf: [{ required: ['a'] }] }), {}],
      [Type.Object({}, { not: { required: ['a'] } }), { a: 1 }],
      [Type.Object({}, { dependencies: { a: ['b'] } }), { a: 1 }],
      [Type.Any({ minimum: 5 }), 1],
      [Type.Any({ maxLength: 1 }), 'ab'],
      [Type.Union([Type.Object({}), Type.Null()], { maxProperties: 1 }), { a: 1, b: 1 }],
      [Type.Intersect([Type.Object({}), Type.Object({})], { required: ['a'] }), {}],
      [Type.Array(Type.Number(), { contains: { minimum: 5 } as never }), [1]],
      [Type.Unsafe<unknown>({ type: 'string', minLength: 2 }), 'a'],
      [Type.Array(Type.Unsafe<unknown>({ type: 'string', minLength: 2 })), ['a']]
    ]
    for (const [schema, value] of rows) {
      t.not(verdict(of(Type.Object({ x: schema as never })), { x: value }), 'taken', `${name}: ${JSON.stringify(schema)}`)
    }
  }
  t.equal(
    verdict(Legacy.Object({ x: Legacy.String({ pattern: '^a+$', propertyNames: {} }) }), { x: 'b' }),
    'message/x must match pattern "^a+$"'
  )
})

t.test('a check looks at the length of a property\'s name before it matches its pattern', async (t) => {
  for (const { name, Type, of } of lines) {
    const decode = decoderOf(of(Type.Record(Type.String({ pattern: '^(a+)+$' }), Type.Number(), { propertyNames: { maxLength: 9 } })))
    const start = performance.now()
    t.match(
      decode(JSON.stringify({ type: 'm', [`${'a'.repeat(36)}!`]: 1 })),
      { kind: 'rejection', error: { message: 'message property name must be valid' } },
      name
    )
    t.ok(performance.now() - start < 20_000, `${name}: not for minutes`)
  }
})

t.test('compileContract uses the app\'s check for a kind of its own', async (t) => {
  TypeRegistry.Set('Even', (_schema, value) => typeof value === 'number' && value % 2 === 0)
  t.teardown(() => TypeRegistry.Delete('Even'))
  const Even = Legacy.Unsafe<number>({ [Kind]: 'Even', enum: 'not of JSON Schema' })
  t.equal(verdict(Legacy.Object({ x: Even }), { x: 2 }), 'taken')
  t.match(verdict(Legacy.Object({ x: Even }), { x: 1 }), /^message/)
})

for (const { name, Type, of } of lines) {
  t.test(`${name}: a check follows references to shared schemas`, async (t) => {
    const sharedSchemas = {
      user: {
        $id: 'user',
        type: 'object',
        properties: { name: { type: 'string' }, boss: { $ref: 'user#' }, tag: { $ref: '#/definitions/tag' } },
        required: ['name'],
        definitions: { tag: { type: 'string', maxLength: 3 } }
      },
      team: { $id: 'team', type: 'object', properties: { lead: { $ref: 'user' } } }
    }
    const schema = of(
      Type.Object({
        user: Type.Optional(Type.Ref('user')),
        tag: Type.Optional(Type.Unsafe<unknown>({ $ref: 'user#/definitions/tag' })),
        team: Type.Optional(Type.Ref('team#')),
        users: Type.Optional(Type.Array(Type.Ref('user#')))
      })
    )
    const rows: ReadonlyArray<[payload: object, verdict: string]> = [
      [
        { user: { name: 'Ada', boss: { name: 'Bob' }, tag: 'abc' }, tag: 'x', team: { lead: { name: 'Cy' } }, users: [{ name: 'Di' }] },
        'taken'
      ],
      [{ user: { name: 5 } }, 'message/user/name must be string'],
      [{ user: { name: 'Ada', boss: {} } }, 'message/user/boss must have required property \'name\''],
      [{ user: { name: 'Ada', tag: 'abcd' } }, 'message/user/tag must NOT have more than 3 characters'],
      [{ tag: 'abcd' }, 'message/tag must NOT have more than 3 characters'],
      [{ team: { lead: { name: 5 } } }, 'message/team/lead/name must be string'],
      [{ users: [{ name: 'Ada' }, {}] }, 'message/users/1 must have required property \'name\'']
    ]
    for (const [payload, says] of rows) t.equal(verdict(schema, payload, { sharedSchemas }), says)
    refusesToBoot(
      t,
      of(Type.Object({ user: Type.Ref('nobody') })),
      'its reference \'nobody\' leads nowhere: add a schema of that $id with app.addSchema',
      { sharedSchemas }
    )
    refusesToBoot(
      t,
      of(Type.Object({ user: Type.Optional(Type.Unsafe<unknown>({ $ref: 'user#/definitions/nobody' })) })),
      'leads nowhere',
      { sharedSchemas }
    )
    const lost = { lost: { $id: 'lost', type: 'object', properties: { a: { $ref: 'nobody' } } } }
    refusesToBoot(t, of(Type.Object({ x: Type.Ref('lost') })), /nobody/, { sharedSchemas: lost })
  })

  t.test(`${name}: a shared schema as payload is one object with the type too`, async (t) => {
    const sharedSchemas = {
      good: {
        $id: 'good',
        anyOf: [
          { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] },
          { allOf: [{ type: 'object', properties: { b: { $ref: 'good' } } }] }
        ]
      },
      text: { $id: 'text', type: 'string' },
      some: { $id: 'some', oneOf: [{ type: 'object' }, { type: 'null' }] },
      typed: { $id: 'typed', type: 'object', properties: { type: { type: 'string' } } },
      numbered: { $id: 'numbered', anyOf: [{ type: 'object', if: {}, then: { properties: { ref: {} } } }] },
      coded: { $id: 'coded', type: 'object', if: {}, else: { properties: { type: {} } } },
      loop: { $id: 'loop', $ref: 'loop' }
    }
    t.equal(verdict(of(Type.Ref('good')), { a: 1, b: 2 }, { sharedSchemas }), 'taken')
    t.equal(verdict(of(Type.Ref('good')), { b: 2 }, { sharedSchemas }), 'message must match a schema in anyOf')
    t.equal(verdict(of(Type.Union([Type.Ref('good'), Type.Ref('good')])), { a: 1 }, { sharedSchemas }), 'taken')
    for (const id of ['text', 'some', 'loop']) {
      refusesToBoot(
        t,
        of(Type.Ref(id)),
        'a payload shares one JSON object with its type, so its schema must be an object',
        { sharedSchemas }
      )
      t.throws(() => eventOf(of(Type.Ref(id)), { sharedSchemas }), { code: 'FST_TYPED_WS_INVALID_SCHEMA' })
    }
    refusesToBoot(t, of(Type.Ref('typed')), '\'type\' is the protocol\'s own property of every message', { sharedSchemas })
    refusesToBoot(t, of(Type.Ref('coded')), '\'type\' is the protocol\'s own property of every message', { sharedSchemas })
    refusesToBoot(t, of(Type.Ref('numbered')), '\'ref\' is the protocol\'s own property of every message', { sharedSchemas })
    t.equal(replyOf(of(Type.Ref('text')), { sharedSchemas })('x'), '"x"', 'a reply may be anything')
  })

  t.test(`${name}: a check tells schemas of the same $id apart`, async (t) => {
    const User = (key: string): object => Type.Object({ [key]: Type.Number() }, { $id: 'User' })
    const shared = User('a')
    const both = compile({
      name: 'x',
      clientToServer: {
        one: of(Type.Object({ user: shared as never })),
        two: of(Type.Object({ users: Type.Array(shared as never) })),
        whole: of(shared)
      }
    })
    t.equal(both.incoming.get('one')!.payload.check({ user: { a: '1' } }), false)
    t.equal(both.incoming.get('two')!.payload.check({ users: [{ a: 1 }, { a: '1' }] }), false)
    t.equal(both.incoming.get('whole')!.payload.check({ a: '1' }), false)
    t.equal(both.incoming.get('whole')!.payload.check({ a: 1 }), true)

    const { incoming } = compile({
      name: 'x',
      clientToServer: {
        one: of(User('a')),
        two: of(User('b')),
        three: of(Type.Object({ user: User('c') as never })),
        four: of(Type.Object({ user: User('d') as never }))
      }
    })
    const says = (message: string, payload: object): string => {
      const { payload: checker } = incoming.get(message)!
      return checker.check(payload) ? 'taken' : checker.explain(payload)
    }
    t.equal(says('one', { a: '' }), 'message/a must be number')
    t.equal(says('two', { b: '' }), 'message/b must be number')
    t.equal(says('three', { user: { c: '' } }), 'message/user/c must be number')
    t.equal(says('four', { user: { d: '' } }), 'message/user/d must be number')

    const sharedSchemas = { User: plain(shared) }
    t.equal(
      verdict(of(Type.Object({ one: shared as never, two: Type.Ref('User') })), { one: { a: 1 }, two: { a: '' } }, { sharedSchemas }),
      'message/two/a must be number',
      'what is shared may be brought along'
    )
    t.equal(
      verdict(of(Type.Object({ other: Type.Ref('other') }, { $id: 'User' })), { other: 'x' }, {
        sharedSchemas: { other: { $id: 'other', type: 'string' } }
      }),
      'taken'
    )
    refusesToBoot(
      t,
      of(Type.Object({ other: Type.Ref('other') }, { $id: 'User' })),
      'its $id \'User\' is that of another schema, which the app shares: give it another one',
      { sharedSchemas: { ...sharedSchemas, other: { $id: 'other', type: 'string' } } }
    )
  })
}

t.test('compileContract accepts a schema that refers to itself', async (t) => {
  const legacy = Legacy.Module({ Node: Legacy.Object({ v: Legacy.Number(), next: Legacy.Optional(Legacy.Ref('Node')) }) })
  const schemas = [
    Legacy.Recursive((This) => Legacy.Object({ v: Legacy.Number(), next: Legacy.Optional(This) })),
    legacy.Import('Node'),
    Legacy.Object({ v: Legacy.Number(), next: Legacy.Optional(legacy.Import('Node')) }),
    Current.Module({ Node: Current.Object({ v: Current.Number(), next: Current.Optional(Current.Ref('Node')) }) }).Node,
    Current.Cyclic({ Node: Current.Object({ v: Current.Number(), next: Current.Optional(Current.Ref('Node')) }) }, 'Node'),
    { type: 'object', properties: { v: { type: 'number' }, next: { $ref: '#' } }, required: ['v'] }
  ]
  for (const schema of schemas) {
    t.equal(verdict(schema, { v: 1, next: { v: 2, next: { v: 3 } } }), 'taken')
    t.equal(verdict(schema, { v: 1, next: { v: 2, next: { v: '3' } } }), 'message/next/next/v must be number')
    t.equal(verdict(schema, { v: 1, next: { v: 2, next: {} } }), 'message/next/next must have required property \'v\'')
  }
})

t.test('compileContract takes the types that TypeBox 1.x makes of a text', async (t) => {
  const schema = Current.Script('{ a: number, b?: "x" | "y" }') as object
  t.equal(verdict(schema, { a: 1, b: 'y' }), 'taken')
  t.equal(verdict(schema, { a: 1, b: 'z' }), 'message/b must match a schema in anyOf')
  t.equal(
    verdict(Current.With(Current.Object({ a: Current.Number() }), { additionalProperties: false, description: 'told apart' }), { b: 1 }),
    'message must have required property \'a\''
  )
})

t.test('compileContract refuses an object that is no schema', async (t) => {
  refusesToBoot(t, { type: 'object', properties: { a: 'string' } }, 'schema is invalid: data/properties/a must be object,boolean')
  for (const none of [null, 'text']) {
    refusesToBoot(t, { type: 'object', properties: none }, 'schema is invalid: data/properties must be object')
  }
  refusesToBoot(t, { type: 'object', properties: { a: { type: 'text' } } }, 'type \'text\' at /properties/a cannot travel as JSON')
  refusesToBoot(
    t,
    { type: 'object', properties: { a: { type: 'string', minLength: -1 } } },
    'schema is invalid: data/properties/a/minLength must be >= 0'
  )
  refusesToBoot(
    t,
    { type: 'object', properties: { a: { exemple: {} } } },
    'unknown keyword "exemple" at /properties/a: correct it, or write \'x-exemple\' for an annotation'
  )
  refusesToBoot(t, { type: 'object', properties: { a: { type: 'string', pattern: '(', maxLength: 1 } } }, /regular expression/i)
  for (const { Type } of builders) {
    refusesToBoot(t, Type.Object({ a: Type.String({ pattern: '(', maxLength: 1 }) }), /regular expression/i)
    refusesToBoot(t, Type.Object({ a: Type.Unsafe<unknown>({ type: 'bigint' }) }), 'type \'bigint\' at /properties/a cannot travel as JSON')
  }
  refusesToBoot(t, Legacy.Object({ at: Legacy.Date() }), 'write Type.String({ format: \'date-time\' })')
  t.throws(() => replyOf(Legacy.Void()), {
    code: 'FST_TYPED_WS_INVALID_SCHEMA',
    message: 'Message test clientToServer.m.reply cannot be compiled: type \'void\' cannot travel as JSON: write Type.Null()'
  })
  t.throws(() => eventOf(Legacy.Object({ at: Legacy.Date() })), { code: 'FST_TYPED_WS_INVALID_SCHEMA' })
})

t.test('compileContract gives the strict Ajv what the app gives it', async (t) => {
  const even = (ajv: { addKeyword: (definition: object) => void }): void => {
    ajv.addKeyword({ keyword: 'isEven', type: 'number', validate: (_: unknown, value: number) => value % 2 === 0 })
  }
  const schema = { type: 'object', properties: { a: { type: 'number', isEven: true }, b: { type: 'string', format: 'room' } } }
  refusesToBoot(t, schema, 'unknown keyword "isEven"')
  const ajv = { customOptions: { formats: { room: /^#/ } }, plugins: [even] }
  t.equal(verdict(schema, { a: 2, b: '#x' }, { ajv }), 'taken')
  t.equal(verdict(schema, { a: 1 }, { ajv }), 'message/a must pass "isEven" keyword validation')
  t.equal(verdict(schema, { b: 'x' }, { ajv }), 'message/b must match format "room"')
})

t.test('a check tells unique items by their values, in time', async (t) => {
  const schema = { type: 'object', properties: { a: { type: 'array', uniqueItems: true }, b: { type: 'array', uniqueItems: false } } }
  for (const a of [
    [],
    [1, '1', true, 'true', null, 'null', [1], ['1'], {}, { a: 1 }, { a: '1' }, [[]], [], '[]', '{}'],
    [{ a: 1, b: 2 }, { a: 2, b: 1 }]
  ]) {
    t.equal(verdict(schema, { a }), 'taken', JSON.stringify(a))
  }
  for (const a of [[1, 1], [1, 1.0], [null, null], [{ a: 1, b: 2 }, { b: 2, a: 1 }], [[{}], [{}]], ['a', 'b', 'a']]) {
    t.equal(verdict(schema, { a }), 'message/a must NOT have duplicate items', JSON.stringify(a))
  }
  t.equal(verdict(schema, { b: [1, 1] }), 'taken')
  t.throws(() => replyOf({ type: 'array', uniqueItems: true })([undefined, undefined]), { code: 'FST_TYPED_WS_OUTGOING_INVALID' })
})

t.test('compileContract refuses a pattern without maxLength', async (t) => {
  const pattern = Type.Object({ text: Type.String({ pattern: '^a+$' }) })
  const refuse = (definition: object): void => refuseSlowPatterns(defineContract({ name: 'chat', ...definition } as never))
  t.throws(() => refuse({ clientToServer: { say: pattern } }), {
    code: 'FST_TYPED_WS_UNSAFE_PATTERN',
    message: 'Message chat clientToServer.say has a \'pattern\' and no \'maxLength\' beside it'
  })
  t.throws(() => refuse({ clientToServer: { ask: { request: pattern, reply: Type.Null() } } }), { code: 'FST_TYPED_WS_UNSAFE_PATTERN' })
  const shared = defineContract({ name: 'chat', clientToServer: { say: Type.Object({ text: Type.Ref('text') }) } })
  t.doesNotThrow(() => refuseSlowPatterns(shared))
  t.throws(
    () => refuseSlowPatterns(shared, { text: { $id: 'text', type: 'string', pattern: '^a+$' } }),
    { code: 'FST_TYPED_WS_UNSAFE_PATTERN' }
  )
  t.doesNotThrow(
    () => refuse({ clientToServer: { ask: { request: Type.Object({}), reply: pattern } }, serverToClient: { say: pattern } }),
    'the server\'s own texts are its own'
  )
})

t.test('compileContract refuses an exponential pattern in both directions, whatever its length', async (t) => {
  const refuse = (definition: object, sharedSchemas = {}): void => {
    return refuseSlowPatterns(defineContract({ name: 'chat', ...definition } as never), sharedSchemas)
  }
  const refused = (definition: object, where: string, sharedSchemas?: object): void => {
    t.throws(
      () => refuse(definition, sharedSchemas),
      { code: 'FST_TYPED_WS_EXPONENTIAL_PATTERN', message: `Message chat ${where} has the pattern '` },
      where
    )
  }
  const none = Type.Object({})
  const bad = { text: { type: 'string', pattern: '^(a+)+$', maxLength: 64 } }
  for (const schema of [
    Type.Object({ text: Type.String({ pattern: '^(a|a)*$', maxLength: 64 }) }),
    Type.Record(Type.String({ pattern: '^(a+)+$' }), Type.Number(), { propertyNames: { maxLength: 9 } }),
    Type.Object({}, { propertyNames: { pattern: '^(a+)+$', maxLength: 9 } }),
    Current.Object({ text: Current.String({ pattern: /^(a+)+$/i, maxLength: 9 }) })
  ]) refused({ clientToServer: { say: schema } }, 'clientToServer.say')
  const shared = { say: Type.Object({ text: Type.Ref('text') }) }
  refused({ serverToClient: shared }, 'serverToClient.say', { text: { $id: 'text', ...bad.text } })
  refused({ serverToClient: { say: { type: 'object', properties: bad } } }, 'serverToClient.say')
  refused({ serverToClient: { ask: { request: { type: 'object', properties: bad }, reply: none } } }, 'serverToClient.ask')
  refused({ serverToClient: { ask: { request: none, reply: bad.text } } }, 'serverToClient.ask.reply')
  refused({ clientToServer: { ask: { request: none, reply: bad.text } } }, 'clientToServer.ask.reply')
  refused({ clientToServer: { ask: { request: none, stream: bad.text } } }, 'clientToServer.ask.stream')
})

t.test('compileContract works with either line of TypeBox alone', async (t) => {
  const missing = async (): Promise<never> => {
    throw Object.assign(
      new Error('Cannot find package \'@sinclair/typebox\' imported from /app/dist/lib/server/compile/typebox.js'),
      { code: 'ERR_MODULE_NOT_FOUND' }
    )
  }
  const legacy = Legacy.Object({ a: Legacy.Number() })
  const current = Current.Object({ a: Current.Number() })
  const [both, onlyCurrent, onlyLegacy, none] = await Promise.all([
    loadTypeBox(),
    loadTypeBox([], missing),
    loadTypeBox([], undefined, missing),
    loadTypeBox([], missing, missing)
  ])
  const compiles = ({ compile }: TypeBox, schema: object): boolean => compile(new References(schema), new Vocabulary([], {})) !== undefined
  t.same([legacy, current, plain(legacy)].map((schema) => compiles(both, schema)), [true, true, false])
  t.same([legacy, current].map((schema) => compiles(onlyCurrent, schema)), [false, true])
  t.same([legacy, current].map((schema) => compiles(onlyLegacy, schema)), [true, false])
  for (const schema of [legacy, current]) {
    for (const typebox of [both, onlyCurrent, onlyLegacy, none]) {
      t.equal(verdict(schema, { a: 1 }, { typebox }), 'taken')
      t.equal(verdict(schema, { a: '1' }, { typebox }), 'message/a must be number')
    }
  }
})

t.test('an import of TypeBox that fails is an error, unless TypeBox is not installed', async (t) => {
  const failing = (message: string, code: string) => async (): Promise<never> => { throw Object.assign(new Error(message), { code }) }
  const rows: ReadonlyArray<[message: string, code: string]> = [
    [
      'Cannot find module \'/app/node_modules/@sinclair/typebox/build/esm/compiler/index.mjs\' imported from /app/index.js',
      'ERR_MODULE_NOT_FOUND'
    ],
    ['Cannot find package \'other\' imported from /app/node_modules/typebox/index.js', 'ERR_MODULE_NOT_FOUND'],
    [
      'Package subpath \'./compile\' is not defined by "exports" in /app/node_modules/typebox/package.json',
      'ERR_PACKAGE_PATH_NOT_EXPORTED'
    ],
    ['Unexpected token', 'ERR_SYNTAX']
  ]
  for (const [message, code] of rows) {
    await t.rejects(loadTypeBox([], failing(message, code)), { message, code })
    await t.rejects(loadTypeBox([], undefined, failing(message, code)), { message, code })
  }
  await t.rejects(loadTypeBox([], async () => { throw null })) // eslint-disable-line no-throw-literal -- some do
})

t.test('a process that was started in another folder uses the TypeBox beside the plugin', async (t) => {
  const home = process.cwd()
  const elsewhere = await mkdtemp(join(tmpdir(), 'fastify-typed-ws-'))
  t.teardown(async () => { process.chdir(home); await rm(elsewhere, { recursive: true }) })
  process.chdir(elsewhere)
  const typebox = await loadTypeBox()
  process.chdir(home)
  t.ok(typebox.builds.some(({ kinds }) => kinds !== undefined))
  t.equal(verdict(Type.Object({ a: Type.String() }), { a: 'text' }, { typebox }), 'taken')
})

t.test('a keyword of Ajv works as Node imports it, wrapped, and as bundlers and Bun do', async (t) => {
  const keyword = { keyword: 'mine', code () {} }
  t.equal(definitionOf({ default: keyword }), keyword)
  t.equal(definitionOf(keyword), keyword)
})

t.test('a keyword with an invalid value stops the boot and is named by its path, whatever made the schema', async (t) => {
  const malformed: ReadonlyArray<[schema: (T: Builder) => object, path: string]> = [
    [(T) => T.String({ minLength: 'text' as never }), '/minLength must be integer'],
    [(T) => T.String({ maxLength: -1 }), '/maxLength must be >= 0'],
    [(T) => T.String({ maxLength: 1.5 }), '/maxLength must be integer'],
    [(T) => T.String({ pattern: 5 as never, maxLength: 5 }), '/pattern must be string'],
    [(T) => T.String({ format: 5 as never }), '/format must be string'],
    [(T) => T.String({ enum: 'a' }), '/enum must be array'],
    [(T) => T.String({ nullable: 'yes' }), '/nullable must be boolean'],
    [(T) => T.Number({ minimum: '1' as never }), '/minimum must be number'],
    [(T) => T.Number({ multipleOf: 0 }), '/multipleOf must be > 0'],
    [(T) => T.Integer({ exclusiveMaximum: true as never }), '/exclusiveMaximum must be number'],
    [(T) => T.Array(T.Number(), { minItems: '1' as never }), '/minItems must be integer'],
    [(T) => T.Array(T.Number(), { uniqueItems: 'yes' as never }), '/uniqueItems must be boolean'],
    [(T) => T.Array(T.Number(), { contains: 5 as never }), '/contains must be object,boolean'],
    [(T) => T.Array(T.Number(), { minContains: '1' as never }), '/minContains must be integer'],
    [(T) => T.Array('text' as never), '/items must be object,boolean'],
    [(T) => T.Array(T.Any(), { prefixItems: {} }), '/prefixItems must be array'],
    [(T) => T.Object({ a: 5 as never }), '/properties/a must be object,boolean'],
    [(T) => T.Object({}, { required: 'a' }), '/required must be array'],
    [(T) => T.Object({}, { required: [5] as never }), '/required/0 must be string'],
    [(T) => T.Object({}, { additionalProperties: 'no' as never }), '/additionalProperties must be object,boolean'],
    [(T) => T.Object({}, { unevaluatedProperties: 'no' }), '/unevaluatedProperties must be object,boolean'],
    [(T) => T.Object({}, { minProperties: null as never }), '/minProperties must be integer'],
    [(T) => T.Object({}, { dependentRequired: { a: 'b' } }), '/dependentRequired/a must be array'],
    [(T) => T.Object({}, { dependentSchemas: { a: 'b' } }), '/dependentSchemas/a must be object,boolean'],
    [
      (T) => T.Object({}, { $defs: { a: T.Object({ b: { minLength: 'text' } as never }) } as never }),
      '/$defs/a/properties/b/minLength must be integer'
    ],
    [(T) => T.Object({}, { patternProperties: { '(': {} } as never }), '/patternProperties must be a regular expression'],
    [(T) => T.Union([T.String({ maxLength: 'text' as never }), T.Null()]), '/anyOf/0/maxLength must be integer'],
    [(T) => T.Unsafe<unknown>({ type: 'number', minimum: 'text' }), '/minimum must be number']
  ]
  const says = (path: string): string => `schema is invalid: data/properties/x${path}`
  for (const [schema, path] of malformed) {
    for (const { Type, of } of lines) refusesToBoot(t, of(Type.Object({ x: schema(Type) as never })), says(path))
  }
  for (const { Type } of builders) {
    const schema = Type.Object({ x: Type.String({ minLength: 'text' as never }) })
    t.throws(() => eventOf(schema), { code: 'FST_TYPED_WS_INVALID_SCHEMA', message: says('/minLength must be integer') })
    t.throws(() => replyOf(schema), { code: 'FST_TYPED_WS_INVALID_SCHEMA', message: says('/minLength must be integer') })
    const sharedSchemas = { User: { $id: 'User', type: 'object', properties: { name: { type: 'string', minLength: 'text' } } } }
    refusesToBoot(
      t,
      Type.Object({ x: Type.Ref('User') }),
      'schema is invalid: User#/properties/name/minLength must be integer',
      { sharedSchemas }
    )
  }
})

t.test('an annotation may have any value, whatever made the schema', async (t) => {
  for (const { name, Type, of } of lines) {
    const schema = of(
      Type.Object({
        x: Type.String({ title: 5 as never, description: null as never, examples: { one: 'a' } as never, readOnly: 'yes' as never })
      })
    )
    t.equal(verdict(schema, { x: 'a' }), 'taken', name)
    t.equal(verdict(schema, { x: 5 }), 'message/x must be string', name)
  }
})

t.test('an empty list of kinds or values means the same as in TypeBox', async (t) => {
  t.equal(verdict(Current.Object({ x: Current.Tuple([]) }), { x: [] }), 'taken')
  t.equal(verdict(Current.Object({ x: Current.Tuple([]) }), { x: [1] }), 'message/x must NOT have more than 0 items')
})
