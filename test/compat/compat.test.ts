import { Type, type TSchema } from '@sinclair/typebox'
import t from 'tap'
import { Type as Type1 } from 'typebox'
import { assertCompatible, compareContracts, type Change } from '../../lib/compat/index.js'
import { defineContract } from '../../lib/contract.js'
import type { AnyContract } from '../../types/contract.js'

const CLOSED = { additionalProperties: false }
const empty = Type.Object({})
const of = (schema: TSchema) => Type.Object({ of: schema })
const text = (options: object = {}) => of(Type.String(options))
const json = (schema: object) => of(Type.Unsafe(schema))
const optional = (options: object = {}) => Type.Object({ of: Type.Optional(Type.String()) }, options)
const closed = (options: object = {}) => Type.Object({ of: Type.String(options) }, CLOSED)

const a = Type.Object({ kind: Type.Literal('a') })
const b = Type.Object({ kind: Type.Literal('b'), size: Type.Number() })
const tags = Type.Union([Type.Literal('a'), Type.Literal('b')])
const tuple = [{ type: 'string' }, { type: 'number' }]

function recursiveNot (): object {
  const x = { $ref: '#/$defs/x' }
  return { ...json({ not: x }), $defs: { x: { type: 'object', properties: { x } } } }
}

function nested (value: string, depth: number): object {
  return depth === 0 ? { const: value } : { type: 'object', properties: { k: nested(value, depth - 1) }, required: ['k'] }
}

/** A change, with its impact on messages to the server, and to the client. */
type Row = readonly [change: string, old: object, next: object, toServer: Change['impact'], toClient: Change['impact']]

const rows: readonly Row[] = [
  ['+ optional property', empty, optional(), 'safe', 'safe'],
  ['+ optional property, closed', Type.Object({}, CLOSED), optional(CLOSED), 'safe', 'dangerous'],
  ['+ required property', empty, text(), 'breaking', 'safe'],
  ['+ required property with a default', empty, text({ default: 'x' }), 'breaking', 'safe'],
  ['+ required property, closed', Type.Object({}, CLOSED), closed(), 'breaking', 'dangerous'],
  ['optional → required', optional(), text(), 'breaking', 'safe'],
  ['optional → required, closed', optional(CLOSED), closed(), 'breaking', 'safe'],
  ['− required property', text(), empty, 'safe', 'breaking'],
  ['− required property, closed', closed(), Type.Object({}, CLOSED), 'breaking', 'breaking'],
  ['required → optional', text(), optional(), 'safe', 'breaking'],
  ['− optional property', optional(), empty, 'safe', 'safe'],
  ['− optional property, closed', optional(CLOSED), Type.Object({}, CLOSED), 'breaking', 'safe'],
  ['a smaller maxLength', text({ maxLength: 9 }), text({ maxLength: 5 }), 'breaking', 'safe'],
  ['a larger maxLength', text({ maxLength: 5 }), text({ maxLength: 9 }), 'safe', 'breaking'],
  ['+ minLength', text(), text({ minLength: 1 }), 'breaking', 'safe'],
  ['+ pattern', text(), text({ pattern: '^a' }), 'breaking', 'safe'],
  ['− pattern', text({ pattern: '^a' }), text(), 'safe', 'breaking'],
  ['another pattern', text({ pattern: '^a' }), text({ pattern: '^b' }), 'breaking', 'breaking'],
  ['a smaller maxLength by a pattern', text({ pattern: '^a', maxLength: 9 }), text({ pattern: '^a', maxLength: 5 }), 'breaking', 'safe'],
  ['a pattern that a literal fits', of(Type.Literal('ab')), text({ pattern: '^a' }), 'safe', 'breaking'],
  ['a pattern that no flag u bears', of(Type.Literal('a-')), text({ pattern: '\\-' }), 'safe', 'breaking'],
  ['a pattern that is none', of(Type.Literal('a')), text({ pattern: '(' }), 'breaking', 'breaking'],
  ['+ format', text(), text({ format: 'date' }), 'breaking', 'safe'],
  ['another format', text({ format: 'date' }), text({ format: 'date-time' }), 'breaking', 'breaking'],
  ['+ formatMinimum', text(), text({ formatMinimum: '2020-01-01' }), 'breaking', 'safe'],
  ['number → integer', of(Type.Number()), of(Type.Integer()), 'breaking', 'safe'],
  ['integer → number', of(Type.Integer()), of(Type.Number()), 'safe', 'breaking'],
  ['integer → multiple of 1', of(Type.Integer()), json({ type: 'number', multipleOf: 1 }), 'safe', 'safe'],
  ['string → number', text(), of(Type.Number()), 'breaking', 'breaking'],
  ['string → any', text(), of(Type.Unknown()), 'safe', 'breaking'],
  ['string → never', text(), of(Type.Never()), 'breaking', 'safe'],
  ['string → true beside it', text(), json({ allOf: [true, { type: 'string' }] }), 'safe', 'safe'],
  ['+ null', text(), of(Type.Union([Type.String(), Type.Null()])), 'safe', 'breaking'],
  ['+ nullable', text(), text({ nullable: true }), 'safe', 'breaking'],
  ['a smaller minimum', of(Type.Number({ minimum: 5 })), of(Type.Number({ minimum: 1 })), 'safe', 'breaking'],
  ['minimum → exclusiveMinimum', of(Type.Number({ minimum: 5 })), of(Type.Number({ exclusiveMinimum: 5 })), 'breaking', 'safe'],
  ['exclusiveMaximum → maximum', of(Type.Number({ exclusiveMaximum: 5 })), of(Type.Number({ maximum: 6 })), 'safe', 'breaking'],
  ['a finer multipleOf', of(Type.Number({ multipleOf: 0.3 })), of(Type.Number({ multipleOf: 0.1 })), 'safe', 'breaking'],
  ['enum + value', json({ enum: ['r', 'g'] }), json({ enum: ['r', 'g', 'b'] }), 'safe', 'breaking'],
  ['enum − value', json({ enum: ['r', 'g'] }), json({ enum: ['r'] }), 'breaking', 'safe'],
  ['const and enum → const', json({ const: 'r', enum: ['r', 'g'] }), json({ const: 'r' }), 'safe', 'safe'],
  ['const beside another enum', json({ const: 'x', enum: ['r', 'g'] }), json({ const: 'r' }), 'safe', 'breaking'],
  ['const → number', of(Type.Literal(2.5)), of(Type.Number()), 'safe', 'breaking'],
  ['const → string', of(Type.Literal('r')), text(), 'safe', 'breaking'],
  [
    'const of an object → object',
    json({ const: { n: 1, l: ['x', 2.5, null, true] } }),
    of(Type.Object({ n: Type.Number() })),
    'safe', 'breaking'
  ],
  ['const of a list → list', json({ const: ['x', 'y'] }), of(Type.Array(Type.String(), { uniqueItems: true })), 'safe', 'breaking'],
  [
    'const of a list → list that it breaks',
    json({ const: ['x', 'x'] }),
    of(Type.Array(Type.String(), { uniqueItems: true })),
    'breaking', 'breaking'
  ],
  ['union + branch', of(Type.Union([a, Type.Null()])), of(Type.Union([a, b, Type.Null()])), 'safe', 'breaking'],
  ['union − branch', of(Type.Union([a, b])), of(Type.Union([a])), 'breaking', 'safe'],
  [
    'union with a narrower branch',
    of(Type.Union([a, b])),
    of(Type.Union([a, Type.Object({ kind: Type.Literal('b'), size: Type.Integer() })])),
    'breaking', 'safe'
  ],
  ['oneOf + branch', json({ oneOf: [a] }), json({ oneOf: [a, b] }), 'safe', 'breaking'],
  ['anyOf → oneOf', json({ anyOf: [a, b] }), json({ oneOf: [a, b] }), 'safe', 'safe'],
  [
    'oneOf that ranges tell apart',
    json({ type: 'integer', maximum: 1 }),
    json({ oneOf: [{ maximum: 1 }, { minimum: 2 }] }),
    'safe', 'breaking'
  ],
  ['oneOf of which two fit', text(), json({ oneOf: [{ type: 'string' }, { minLength: 0 }] }), 'breaking', 'breaking'],
  [
    'string → union of which no branch takes all',
    text(),
    json({ anyOf: [{ type: 'string', maxLength: 1 }, { type: 'string', minLength: 5 }] }),
    'breaking', 'safe'
  ],
  [
    'tag of any text → union of two',
    of(Type.Object({ kind: Type.String() })),
    of(Type.Union([a, Type.Object({ kind: Type.Literal('b') })])),
    'breaking', 'safe'
  ],
  [
    'tag + value, in an object',
    of(Type.Object({ kind: tags })),
    of(Type.Union([a, Type.Object({ kind: Type.Literal('b') })])),
    'safe', 'safe'
  ],
  [
    'types in a union',
    json({ type: ['string', 'number', 'null'] }),
    json({ anyOf: [{ type: 'number' }, { type: ['null', 'string'] }] }),
    'safe', 'safe'
  ],
  ['object closed', text(), closed(), 'dangerous', 'safe'],
  ['object opened', closed(), text(), 'safe', 'dangerous'],
  ['object → record beside', text(), Type.Object({ of: Type.String() }, { additionalProperties: Type.Number() }), 'dangerous', 'safe'],
  [
    'a smaller maxItems',
    of(Type.Array(Type.String(), { maxItems: 9 })),
    of(Type.Array(Type.String(), { maxItems: 5 })),
    'breaking', 'safe'
  ],
  ['+ minItems', of(Type.Array(Type.String())), of(Type.Array(Type.String(), { minItems: 1 })), 'breaking', 'safe'],
  ['+ maxItems', of(Type.Array(Type.String())), of(Type.Array(Type.String(), { maxItems: 1 })), 'breaking', 'safe'],
  ['narrower items', of(Type.Array(Type.Number())), of(Type.Array(Type.Integer())), 'breaking', 'safe'],
  ['+ uniqueItems', of(Type.Array(Type.String())), of(Type.Array(Type.String(), { uniqueItems: true })), 'breaking', 'safe'],
  [
    '+ contains that all items fit',
    json({ type: 'array', minItems: 1, items: { type: 'string' } }),
    json({ type: 'array', minItems: 1, items: { type: 'string' }, contains: { type: 'string' } }),
    'safe', 'safe'
  ],
  ['+ contains', of(Type.Array(Type.Number())), of(Type.Array(Type.Number(), { contains: Type.Integer() })), 'breaking', 'safe'],
  [
    '+ contains of none',
    of(Type.Array(Type.Number())),
    of(Type.Array(Type.Number(), { contains: Type.Integer(), minContains: 0 })),
    'safe', 'safe'
  ],
  ['+ unevaluatedItems', json({ prefixItems: tuple }), json({ prefixItems: tuple, unevaluatedItems: false }), 'breaking', 'safe'],
  [
    'the same unevaluatedItems',
    json({ prefixItems: tuple, unevaluatedItems: false }),
    json({ unevaluatedItems: false, prefixItems: tuple }),
    'safe', 'safe'
  ],
  ['tuple + item', of(Type.Tuple([Type.String()])), of(Type.Tuple([Type.String(), Type.String()])), 'breaking', 'breaking'],
  ['tuple → array', of(Type.Tuple([Type.String()])), of(Type.Array(Type.String())), 'safe', 'breaking'],
  ['tuple of another draft', json({ items: tuple, additionalItems: false }), json({ prefixItems: tuple, items: false }), 'safe', 'safe'],
  ['a narrower record', of(Type.Record(Type.String(), Type.Number())), of(Type.Record(Type.String(), Type.Integer())), 'breaking', 'safe'],
  [
    'record of other words',
    of(Type.Record(Type.String(), Type.Number())),
    json({ type: 'object', additionalProperties: { type: 'number' } }),
    'safe', 'safe'
  ],
  ['record → another property', of(Type.Record(Type.String(), Type.Number())), of(optional()), 'breaking', 'breaking'],
  ['+ minProperties', of(optional()), json({ ...optional(), minProperties: 1 }), 'breaking', 'safe'],
  [
    '+ maxProperties',
    of(Type.Record(Type.String(), Type.Number())),
    of(Type.Record(Type.String(), Type.Number(), { maxProperties: 3 })),
    'breaking', 'safe'
  ],
  ['a smaller maxProperties', json({ type: 'object', maxProperties: 3 }), json({ type: 'object', maxProperties: 2 }), 'safe', 'safe'],
  [
    '+ propertyNames of a record',
    of(Type.Record(Type.String(), Type.Number())),
    of(Type.Record(Type.String(), Type.Number(), { propertyNames: { maxLength: 3 } })),
    'breaking', 'safe'
  ],
  ['+ propertyNames that fit', of(optional()), json({ ...optional(), propertyNames: { maxLength: 2 } }), 'safe', 'safe'],
  [
    '+ dependentRequired',
    of(Type.Object({ x: Type.Optional(Type.String()) })),
    json({ type: 'object', properties: { x: { type: 'string' } }, dependentRequired: { x: ['y'], z: ['y'] } }),
    'breaking', 'safe'
  ],
  [
    '+ dependentRequired that is there',
    of(Type.Object({ y: Type.String(), x: Type.Optional(Type.String()) })),
    json({ ...Type.Object({ y: Type.String(), x: Type.Optional(Type.String()) }), dependentRequired: { x: ['y'] } }),
    'safe', 'safe'
  ],
  [
    '+ dependentSchemas',
    of(Type.Object({ x: Type.Optional(Type.String()) })),
    json({ ...Type.Object({ x: Type.Optional(Type.String()) }), dependentSchemas: { x: { maxProperties: 0 } } }),
    'breaking', 'safe'
  ],
  ['+ not', of(Type.Integer()), json({ type: 'integer', not: { const: 0 } }), 'breaking', 'safe'],
  ['+ not of another type', of(Type.Integer()), json({ type: 'integer', not: { type: 'string' } }), 'safe', 'safe'],
  [
    '+ not that refuses what is required',
    of(Type.Object({ x: Type.String() })),
    json({ ...Type.Object({ x: Type.String() }), not: { type: 'object', properties: { x: false } } }),
    'safe', 'safe'
  ],
  [
    '+ not that requires what is refused',
    json({ type: 'object', properties: { x: false } }),
    json({ type: 'object', properties: { x: false }, not: { type: 'object', required: ['x'] } }),
    'safe', 'safe'
  ],
  [
    'the same not of a property that is anything',
    json({ not: { properties: { x: true } } }),
    json({ not: { properties: { x: true } }, title: 'T' }),
    'safe', 'safe'
  ],
  ['the same not of a recursive schema', recursiveNot(), { ...recursiveNot(), title: 'T' }, 'safe', 'safe'],
  ['the same not of a shared schema', json({ not: { $ref: 'shared#' } }), json({ not: { $ref: 'shared#' }, title: 'T' }), 'safe', 'safe'],
  ['oneOf that is told apart too deep', json(nested('a', 6)), json({ oneOf: [nested('a', 6), nested('b', 6)] }), 'breaking', 'breaking'],
  ['+ if', of(Type.Integer()), json({ type: 'integer', if: { minimum: 5 }, then: { multipleOf: 5 } }), 'breaking', 'safe'],
  [
    '+ if that is always true',
    of(Type.Integer()),
    json({ type: 'integer', if: { minimum: 5 }, then: { type: 'integer' }, else: true }),
    'safe', 'safe'
  ],
  [
    '+ title, description, default, $id',
    text(),
    Type.Object({ of: Type.String({ title: 'T', description: 'D', default: 'x' }) }, { $id: 'message' }),
    'safe', 'safe'
  ],
  ['literals → enum', of(tags), json({ enum: ['b', 'a', 'a'] }), 'safe', 'safe'],
  ['boolean → its literals', of(Type.Boolean()), json({ enum: [true, false] }), 'safe', 'safe'],
  ['types → union', json({ type: ['string', 'null'] }), of(Type.Union([Type.Null(), Type.String()])), 'safe', 'safe'],
  [
    'object → intersection',
    Type.Object({ x: Type.String(), y: Type.String() }),
    Type.Intersect([Type.Object({ x: Type.String() }), Type.Object({ y: Type.String() })]),
    'safe', 'safe'
  ],
  [
    'closed intersection + property',
    Type.Intersect([optional(), empty], { unevaluatedProperties: false }),
    Type.Intersect([optional(), Type.Object({ x: Type.Optional(Type.String()) })], { unevaluatedProperties: false }),
    'safe', 'dangerous'
  ],
  [
    'TypeBox 0.34 → 1.x',
    of(Type.Tuple([Type.String(), tags])),
    Type1.Object({ of: Type1.Tuple([Type1.String(), Type1.Union([Type1.Literal('b'), Type1.Literal('a')])]) }),
    'safe', 'safe'
  ],
  ['inline → Type.Module', text(), Type.Module({ M: Type.Object({ of: Type.Ref('T') }), T: Type.String() }).Import('M'), 'safe', 'safe'],
  ['inline → Type.Module of 1.x', text(), Type1.Module({ M: Type1.Object({ of: Type1.Ref('T') }), T: Type1.String() }).M, 'safe', 'safe'],
  [
    'a recursive schema, written again',
    Type.Recursive((This) => Type.Object({ of: Type.Array(This) })),
    Type.Module({ M: Type.Object({ of: Type.Array(Type.Ref('M')) }) }).Import('M'),
    'safe', 'safe'
  ],
  [
    'a recursive schema, narrower',
    Type.Recursive((This) => Type.Object({ of: Type.Array(This) })),
    Type.Recursive((This) => Type.Object({ of: Type.Array(This, { maxItems: 5 }) })),
    'breaking', 'safe'
  ],
  [
    'a reference that is not the contract\'s',
    of(Type.Unsafe({ $ref: 'shared#' })),
    of(Type.Unsafe({ $ref: 'shared#', title: 'x' })),
    'unknown', 'unknown'
  ],
  [
    'another reference that is not the contract\'s',
    of(Type.Unsafe({ $ref: 'shared#' })),
    of(Type.Unsafe({ $ref: 'other#' })),
    'breaking', 'breaking'
  ],
  ['a keyword of the app\'s', text({ even: true }), text({ even: false }), 'unknown', 'unknown'],
  ['the same keyword of the app\'s', text({ even: { a: 1, b: 2 } }), text({ even: { b: 2, a: 1 } }), 'safe', 'safe']
]

const read = (contract: AnyContract): unknown => JSON.parse(JSON.stringify(contract))
const contractOf = (parts: object): AnyContract => defineContract({ name: 'c', ...parts } as never)
const compare = (old: object, next: object): Change[] => compareContracts(read(contractOf(old)), contractOf(next))
const impactOf = (changes: readonly Change[]): string => changes[0]?.impact ?? 'safe'

const event = (schema: object) => ({ m: schema })
const request = (schema: object) => ({ m: { request: schema, reply: empty } })
const reply = (schema: object) => ({ m: { request: empty, reply: schema } })
const item = (schema: object) => ({ m: { request: empty, stream: schema } })

t.test('every change of a schema has its impact, in each place of a message', async (t) => {
  for (const [change, old, next, toServer, toClient] of rows) {
    for (const to of [event, request]) {
      t.equal(impactOf(compare({ clientToServer: to(old) }, { clientToServer: to(next) })), toServer, `${change}: ${to.name} to the server`)
      t.equal(impactOf(compare({ serverToClient: to(old) }, { serverToClient: to(next) })), toClient, `${change}: ${to.name} to the client`)
    }
    for (const to of [reply, item]) {
      t.equal(impactOf(compare({ clientToServer: to(old) }, { clientToServer: to(next) })), toClient, `${change}: ${to.name} to the client`)
    }
    t.equal(impactOf(compare({ serverToClient: reply(old) }, { serverToClient: reply(next) })), toServer, `${change}: reply to the server`)
  }
})

const call = { m: { request: empty, reply: empty } }
const framed = { m: { payload: empty, binary: true } }
const topics = (recover?: object | true) => ({ topics: { room: recover === undefined ? {} : { recover } } })
const shown = (properties: Record<string, TSchema>) => ({ topics: { room: { presence: Type.Object(properties) } } })

/** A change of a contract, with its impact and its place. */
type ContractRow = readonly [change: string, old: object, next: object, impact: Change['impact'], where: string]

const contractRows: readonly ContractRow[] = [
  ['+ event to the server', {}, { clientToServer: event(empty) }, 'safe', 'clientToServer.m'],
  ['− event to the server', { clientToServer: event(empty) }, {}, 'breaking', 'clientToServer.m'],
  ['+ call to the server', {}, { clientToServer: call }, 'safe', 'clientToServer.m'],
  ['− call to the server', { clientToServer: call }, {}, 'breaking', 'clientToServer.m'],
  ['+ stream to the server', {}, { clientToServer: item(empty) }, 'safe', 'clientToServer.m'],
  ['− stream to the server', { clientToServer: item(empty) }, {}, 'breaking', 'clientToServer.m'],
  ['+ event to the client', {}, { serverToClient: event(empty) }, 'safe', 'serverToClient.m'],
  ['− event to the client', { serverToClient: event(empty) }, {}, 'breaking', 'serverToClient.m'],
  ['+ call to the client', {}, { serverToClient: call }, 'dangerous', 'serverToClient.m'],
  ['− call to the client', { serverToClient: call }, {}, 'safe', 'serverToClient.m'],
  ['event → call', { clientToServer: event(empty) }, { clientToServer: call }, 'breaking', 'clientToServer.m'],
  ['call → stream', { clientToServer: call }, { clientToServer: item(empty) }, 'breaking', 'clientToServer.m'],
  ['+ frame of an event to the server', { clientToServer: event(empty) }, { clientToServer: framed }, 'breaking', 'clientToServer.m'],
  ['− frame of an event to the server', { clientToServer: framed }, { clientToServer: event(empty) }, 'breaking', 'clientToServer.m'],
  ['+ frame of an event to the client', { serverToClient: event(empty) }, { serverToClient: framed }, 'breaking', 'serverToClient.m'],
  ['− frame of an event to the client', { serverToClient: framed }, { serverToClient: event(empty) }, 'breaking', 'serverToClient.m'],
  ['another name', { name: 'chat.v1' }, { name: 'chat.v2' }, 'breaking', 'name'],
  ['another discriminator', {}, { discriminator: 'op' }, 'breaking', 'discriminator'],
  ['+ binary to the server', {}, { binary: { clientToServer: true } }, 'safe', 'binary.clientToServer'],
  ['− binary to the server', { binary: { clientToServer: true } }, {}, 'breaking', 'binary.clientToServer'],
  ['+ binary to the client', {}, { binary: { serverToClient: true } }, 'dangerous', 'binary.serverToClient'],
  ['− binary to the client', { binary: { serverToClient: true } }, {}, 'breaking', 'binary.serverToClient'],
  ['+ kind of recoverable topics', {}, topics(true), 'safe', 'topics.room'],
  ['− kind of recoverable topics', topics(true), {}, 'dangerous', 'topics.room'],
  ['− recover', topics(true), topics(), 'dangerous', 'topics.room'],
  ['other bounds of a history', topics(true), topics({ maxMessages: 5 }), 'safe', 'topics.room'],
  ['+ presence', topics(), shown({ name: Type.String() }), 'safe', 'topics.room.presence'],
  ['− presence', shown({ name: Type.String() }), topics(), 'dangerous', 'topics.room.presence'],
  ['info of another type', shown({ name: Type.String() }), shown({ name: Type.Number() }), 'breaking', 'topics.room.presence.name'],
  ['+ close code', {}, { closeCodes: { 4001: 'full' } }, 'safe', 'closeCodes[4001]'],
  ['− close code', { closeCodes: { 4001: 'full' } }, {}, 'safe', 'closeCodes[4001]']
]

t.test('every change of a contract has its impact and its place', async (t) => {
  for (const [change, old, next, impact, where] of contractRows) {
    t.match(compare(old, next), [{ impact, where, text: /^[^\n]+: [^\n]+$/ }], change)
    t.equal(compare(old, next).length, 1, `${change}: one line`)
  }
  t.same(compare(topics(true), topics(true)), [], 'the same topics')
  const words = { title: 'T', description: 'D', closeCodes: { 4001: 'full' }, clientToServer: { m: { ...call.m, summary: 'S' } } }
  t.same(compare({ clientToServer: call, closeCodes: { 4001: 'busy' } }, words), [], 'words for people are no change')
})

t.test('each line has the place and both sides of a change', async (t) => {
  const old = {
    clientToServer: {
      message: Type.Object({ text: Type.String({ maxLength: 2000 }), to: Type.Optional(Type.String()), 'a b': Type.Number() }),
      history: { request: empty, reply: Type.Array(Type.Object({ date: Type.Number(), kind: Type.Unsafe({ enum: ['a', 'b'] }) })) }
    },
    serverToClient: {
      message: of(Type.Union([a, Type.Null()])),
      list: of(Type.Tuple([Type.String()])),
      record: of(Type.Record(Type.String(), Type.Integer()))
    }
  }
  const next = {
    clientToServer: {
      message: Type.Object({
        text: Type.String({ maxLength: 1000, pattern: '^a' }), to: Type.String(), 'a b': Type.Integer(), x: Type.Number()
      }),
      history: { request: empty, reply: Type.Array(Type.Object({ kind: Type.Unsafe({ enum: ['a', 'c', 'd'] }) })) }
    },
    serverToClient: {
      message: of(Type.Union([a, b, Type.Object({ kind: Type.Literal('c'), size: Type.Number() }), Type.Null()])),
      list: of(Type.Tuple([Type.Number()])),
      record: of(Type.Record(Type.String(), Type.Number()))
    }
  }
  const server = 'old clients may send what the server refuses now'
  const client = 'old clients may receive what they do not know'
  t.same(compare(old, next).map(({ impact, where, text }) => `${impact} ${where}: ${text}`), [
    `breaking clientToServer.message.to: optional → required: ${server}`,
    `breaking clientToServer.message.x: the property is new and required: ${server}`,
    `breaking clientToServer.message.text: maxLength 2000 → 1000: ${server}`,
    `breaking clientToServer.message.text: pattern ^a is new: ${server}`,
    `breaking clientToServer.message["a b"]: type number → integer: ${server}`,
    `breaking clientToServer.history.reply[].date: the property is gone, and was required: ${client}`,
    `breaking clientToServer.history.reply[].kind: "c", "d" is new: ${client}`,
    `breaking serverToClient.message.of: a branch is new: { kind: "b", size }: ${client}`,
    `breaking serverToClient.message.of: a branch is new: { kind: "c", size }: ${client}`,
    `breaking serverToClient.list.of[0]: type string → number: ${client}`,
    `breaking serverToClient.record.of[*]: type integer → number: ${client}`
  ])
})

t.test('a safe change is told of, as what the other side does not notice', async (t) => {
  const changes = compare({ clientToServer: { m: text({ maxLength: 5 }) } }, {
    clientToServer: { m: Type.Object({ of: Type.String({ maxLength: 9 }), to: Type.Optional(Type.String()) }) }
  })
  t.same(changes, [
    { impact: 'safe', where: 'clientToServer.m.of', text: 'maxLength 5 → 9: the server takes all that old clients send' },
    { impact: 'safe', where: 'clientToServer.m.to', text: 'the property is new: the server takes all that old clients send' }
  ])
})

t.test('assertCompatible throws one line for each change, the worst first', async (t) => {
  const old = contractOf({ clientToServer: { m: text() }, serverToClient: event(closed()) })
  const next = contractOf({ clientToServer: { m: closed({ minLength: 1 }) }, serverToClient: event(text()) })
  t.doesNotThrow(() => assertCompatible(read(old), old))
  t.throws(() => assertCompatible(read(old), next), {
    name: 'IncompatibleContractError',
    code: 'FST_TYPED_WS_INCOMPATIBLE_CONTRACT',
    changes: [{ impact: 'breaking' }, { impact: 'dangerous' }, { impact: 'dangerous' }],
    message: new RegExp([
      '^contract \'c\' does not fit clients that have the old one:',
      '  breaking: clientToServer.m.of: minLength 1 is new: .+',
      '  dangerous: clientToServer.m: open object → closed: .+',
      '  dangerous: serverToClient.m: closed object → open: .+\n'
    ].join('\n'))
  })
})

t.test('allow takes a place and all below it, and no place at which nothing fails', async (t) => {
  const old = contractOf({ clientToServer: { m: text(), message: text() } })
  const next = contractOf({ clientToServer: { m: text({ minLength: 1 }), message: text() } })
  for (const place of ['clientToServer.m.of', 'clientToServer.m', 'clientToServer']) {
    t.doesNotThrow(() => assertCompatible(read(old), next, { allow: [place] }), place)
  }
  for (const place of ['clientToServer.m.o', 'clientToServer.message', 'serverToClient', '']) {
    const error = { code: 'FST_TYPED_WS_INVALID_OPTION', message: /take it out/ }
    t.throws(() => assertCompatible(read(old), next, { allow: [place] }), error, place)
  }
  const list = (schema: TSchema) => contractOf({ clientToServer: event(of(Type.Array(schema))) })
  const allow = ['clientToServer.m.of']
  t.doesNotThrow(() => assertCompatible(read(list(Type.Number())), list(Type.Integer()), { allow }), 'an item is below its list')
})

t.test('failOn is the least impact that fails', async (t) => {
  const dangerous = [contractOf({ clientToServer: event(text()) }), contractOf({ clientToServer: event(closed()) })] as const
  const [one, two] = [1, 2].map((even) => contractOf({ clientToServer: event(text({ even })) }))
  t.throws(() => assertCompatible(read(dangerous[0]), dangerous[1]), { code: 'FST_TYPED_WS_INCOMPATIBLE_CONTRACT' })
  t.doesNotThrow(() => assertCompatible(read(dangerous[0]), dangerous[1], { failOn: 'breaking' }))
  t.doesNotThrow(() => assertCompatible(read(one!), two!))
  t.throws(() => assertCompatible(read(one!), two!, { failOn: 'unknown' }), /even has changed/)
  const error = { code: 'FST_TYPED_WS_INVALID_OPTION', message: /write 'breaking'/ }
  t.throws(() => assertCompatible(read(one!), two!, { failOn: 'safe' as never }), error)
})

t.test('a value that is no contract, or that JSON does not hold, is refused by its place', async (t) => {
  const say = (schema: object): AnyContract => contractOf({ clientToServer: event(schema) })
  const good = say(text())
  const refused: ReadonlyArray<readonly [object | undefined, RegExp]> = [
    [undefined, /the old contract cannot be compared: a contract is an object/],
    [{ name: 'c', clientToServer: { m: { type: 'string' } } }, /clientToServer.m: a payload shares/],
    [say(json({ type: 'string', pattern: /a"/ })), /clientToServer.m.properties.of.pattern: .* write its source, "a\\""/],
    [say(json({ maximum: Infinity })), /clientToServer.m.properties.of.maximum: JSON does not hold Infinity/],
    [say(json({ const: 5n })), /clientToServer.m.properties.of.const: JSON does not hold a bigint/],
    [say(json({ const: new Date(0) })), /clientToServer.m.properties.of.const: JSON does not hold a Date/],
    [say(of(Type.Date())), /clientToServer.m: type 'Date' .* cannot travel as JSON/],
    [contractOf(shown({ since: Type.Date() })), /topics\.room\.presence: type 'Date' .* cannot travel as JSON/],
    [contractOf({ clientToServer: reply(of(Type.Date())) }), /clientToServer.m.reply: type 'Date' .* cannot travel as JSON/],
    [say(of(Type.Transform(Type.String()).Decode(Number).Encode(String))), /codec .* would not be run/]
  ]
  for (const [old, message] of refused) {
    t.throws(() => compareContracts(old, good), { name: 'ContractError', code: 'FST_TYPED_WS_INVALID_CONTRACT', message }, String(message))
  }
  t.throws(() => compareContracts(good, {} as never), /the new contract cannot be compared/)
  const short = { name: 'c', clientToServer: good.clientToServer } as never
  t.same(compareContracts(short, short), [], 'defaults are filled in')
  t.same(compareContracts(good, say(text({ minLength: undefined }))), [], 'a keyword that is undefined is left out')
})

t.test('a check of the app\'s own is told of as not compared', async (t) => {
  const own = { [Symbol.for('TypeBox.Kind')]: 'Even', type: 'integer' }
  const refined = Type1.Refine(Type1.String(), (value) => value !== '')
  const answered = reply(Type1.Object({ of: refined })).m
  const next = contractOf({ clientToServer: { kind: json(own), refined: answered, plain: json({ type: 'string' }) } })
  const reason = 'is a function, which JSON does not hold: not compared'
  t.same(compareContracts(read(next), next), [
    { impact: 'unknown', where: 'clientToServer.kind', text: `the kind 'Even' at /properties/of ${reason}` },
    { impact: 'unknown', where: 'clientToServer.refined', text: `the refinement at /properties/of ${reason}` }
  ])
})

/** Schemas that lead back to themselves, or twice as often on each level. */
const unfolded: ReadonlyArray<readonly [name: string, old: object, next: object, impact: string]> = [
  ['a schema that is its own union', loop('anyOf', 'string'), loop('anyOf', 'string'), 'safe'],
  ['a schema that is its own union, narrower', loop('anyOf', 'string'), loop('anyOf', 'integer'), 'breaking'],
  ['two references to one schema on each of 60 levels', doubling(60, 'string'), doubling(60, 'string'), 'safe'],
  ['the same, narrower at its end', doubling(60, 'string'), doubling(60, 'integer'), 'breaking'],
  ['an enum of 1,000 values', json({ enum: numbers(1000) }), json({ enum: numbers(1000).toReversed() }), 'safe'],
  ['more values than are compared', json({ enum: numbers(10_100) }), of(Type.Integer()), 'breaking'],
  ['a union of 30 branches', json({ anyOf: branches(30) }), json({ anyOf: branches(30).toReversed() }), 'safe'],
  ['a union of itself and an integer, that any integer fits', of(Type.Integer()), itself({}), 'safe'],
  ['a union of itself and an integer, narrower', of(Type.Integer()), itself({ minimum: 5 }), 'breaking'],
  ['4 unions that hold together', json({ allOf: unions(4, 1) }), json({ allOf: unions(4, 2) }), 'safe'],
  ['12 unions that hold together, too many to prove it', json({ allOf: unions(12, 1) }), json({ allOf: unions(12, 2) }), 'breaking'],
  ['intersections that gather more with each step', gathering(7, 'string'), gathering(7, 'integer'), 'breaking']
]

function loop (keyword: string, type: string): object {
  return { type: 'object', properties: { of: { $ref: '#/$defs/x' } }, $defs: { x: { [keyword]: [{ $ref: '#/$defs/x' }, { type }] } } }
}

function itself (options: object): object {
  const x = { $ref: '#/$defs/x' }
  return { type: 'object', properties: { of: x }, required: ['of'], $defs: { x: { anyOf: [x, { type: 'integer', ...options }] } } }
}

function doubling (levels: number, type: string): object {
  const level = (n: number) => ({ type: 'object', properties: { a: { $ref: `#/$defs/x${n + 1}` }, b: { $ref: `#/$defs/x${n + 1}` } } })
  const $defs = Object.fromEntries(numbers(levels).map((n) => [`x${n}`, level(n)]))
  return { ...level(-1), $defs: { ...$defs, [`x${levels}`]: { type } } }
}

function gathering (size: number, type: string): object {
  const next = (n: number) => ({ $ref: `#/$defs/x${n % size}` })
  const both = (one: number, other: number) => ({ allOf: [next(one), next(other)] })
  const one = (n: number) => ({ properties: { a: both(n + 1, n * 3 + 1), b: both(n * 5 + 2, n) } })
  const $defs = Object.fromEntries(numbers(size).map((n) => [`x${n}`, one(n)]))
  return { type: 'object', allOf: [next(0), next(1)], $defs: { ...$defs, x3: { properties: { ...one(3).properties, end: { type } } } } }
}

function numbers (length: number): number[] {
  return Array.from({ length }, (_, n) => n)
}

function branches (length: number): object[] {
  return numbers(length).map((n) => ({ type: 'object', properties: { kind: { const: n }, size: { type: 'number' } }, required: ['kind'] }))
}

function unions (length: number, least: number): object[] {
  return numbers(length).map((n) => ({ anyOf: [{ maximum: n }, { minLength: least + n }, { type: 'null' }] }))
}

t.test('schemas that are not compared to their end are told of as that, and as nothing else', async (t) => {
  const [old, next] = [1, 2].map((least) => ({ clientToServer: event(json({ allOf: unions(12, least) })) }))
  t.match(compare(old!, next!).map(({ text }) => text), [/^the schemas unfold too far to be compared/])
})

t.test('schemas that unfold without end are compared in bounded time', async (t) => {
  for (const [name, old, next, impact] of unfolded) {
    t.equal(impactOf(compare({ clientToServer: event(old) }, { clientToServer: event(next) })), impact, name)
  }
})
