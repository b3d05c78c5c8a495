// Documents as the official parser reads them.
import { createRequire } from 'node:module'
import t from 'tap'
import fc from 'fast-check'
import { Type, type TSchema } from '@sinclair/typebox'
import { asyncapi, type AsyncApiDocument } from '../../lib/asyncapi/index.js'
import { defineContract, older, type AnyContract, type OlderVersion } from '../../lib/index.js'
import { chat } from '../../examples/chat/contract.js'
import { createStudy } from '../asyncapi/study.js'
import { createApp, type Teardown } from '../support/helper.js'

// Its types need those of packages that are not here.
interface Reader {
  parse (document: unknown): Promise<{ diagnostics: Array<{ code: string, path: string[], message: string }> }>
}
const { Parser } = createRequire(import.meta.url)('@asyncapi/parser') as { Parser: new () => Reader }
const parser = new Parser()

/** The faults of a document; that 3.0.0 is not the newest is none. */
async function faultsOf (document: AsyncApiDocument | string): Promise<string[]> {
  const { diagnostics } = await parser.parse(document)
  return diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version').map(({ path, message }) => `${path.join('/')}: ${message}`)
}

async function documentOf (t: Teardown, contract: AnyContract, versions: OlderVersion[] = []): Promise<AsyncApiDocument> {
  const app = await createApp(t)
  await app.register(asyncapi, { info: { title: 'Test', version: '1' }, protocol: true })
  const on = Object.fromEntries(Object.keys(contract.clientToServer).map((name) => [name, () => {}]))
  const binary = contract.binary.clientToServer ? { binary () {} } : {}
  app.ws('/chat/:room', { contract, versions, on, ...binary })
  await app.ready()
  const document = app.asyncapi()
  await app.close()
  return document
}

t.test('the parser finds no fault in a document of everything', async (t) => {
  const app = await createStudy(t, { protocol: true })
  await app.ready()
  t.same(await faultsOf(app.asyncapi()), [])
  t.same(await faultsOf(app.asyncapi({ yaml: true })), [], 'as YAML')
  t.same(await faultsOf(app.asyncapi({ perspective: 'client' })), [], 'of a client')
})

t.test('the parser finds no fault in the chat\'s document', async (t) => {
  t.same(await faultsOf(await documentOf(t, chat)), [])
})

t.test('the parser finds no fault in the documents of random contracts', async (t) => {
  await fc.assert(fc.asyncProperty(versioned, async ({ contract, versions }) => {
    const faults = await faultsOf(await documentOf(t, contract, versions))
    if (faults.length > 0) throw new Error(faults.join('\n'))
  }), { numRuns: 6 })
})

t.test('the parser finds no fault in a document of topics and versions', async (t) => {
  const said = Type.Object({ text: Type.String() })
  const Info = Type.Object({ name: Type.String() }, { $id: 'Info' })
  const newest = defineContract({
    name: 'rooms.v2',
    clientToServer: { say: said },
    serverToClient: { said },
    topics: { room: { recover: true, presence: Info }, user: { presence: Info }, 'a b': { recover: true } }
  })
  const versions = ['rooms.v1', 'rooms.v0'].map((name) => older(newest, {
    contract: defineContract({ name, discriminator: name === 'rooms.v0' ? 'op' : 'type', clientToServer: { say: said } })
  }))
  const document = await documentOf(t, newest, versions)
  t.same(Object.keys(document.channels), ['chatRoom', 'chatRoomRoomsV1', 'chatRoomRoomsV0'])
  t.same(await faultsOf(document), [])
})

const name = fc.string({ minLength: 1, maxLength: 6 }).filter((name) => !name.startsWith('$') && !(name in {}))
const word = fc.option(fc.string({ minLength: 1 }).filter((text) => text.trim() !== ''), { nil: undefined })
const property = fc.constantFrom('a', 'b', 'x-y', '$z', 'naïve')
const { schema } = fc.letrec<{ schema: TSchema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<TSchema>(
      Type.String({ maxLength: 5, format: 'date-time' }), Type.Integer({ exclusiveMinimum: 1 }), Type.Null(),
      Type.Boolean(), Type.Unknown(),
      Type.Literal('x'), Type.Literal(true), Type.Union([Type.Literal('a'), Type.Literal('b')]), Type.Object({}, { $id: 'Shared' }),
      Type.Unsafe({ type: 'number', nullable: true }), Type.Never(),
      Type.Unsafe({ type: ['string', 'null'], default: null, examples: ['a'] })
    ),
    fc.dictionary(property, tie('schema'), { maxKeys: 3 }).map((properties) => Type.Object(properties)),
    fc.dictionary(property, tie('schema'), { maxKeys: 3 }).map((properties) => Type.Object(properties, { additionalProperties: false })),
    tie('schema').map((items) => Type.Array(items, { uniqueItems: true })),
    fc.array(tie('schema'), { maxLength: 2 }).map((items) => Type.Tuple(items)),
    tie('schema').map((value) => Type.Record(Type.String(), value)),
    fc.array(tie('schema'), { minLength: 2, maxLength: 3 }).map((branches) => Type.Union(branches))
  )
}))
const payload = fc.oneof(
  fc.dictionary(property, schema, { maxKeys: 3 }).map((properties) => Type.Object(properties)),
  fc.dictionary(property, schema, { maxKeys: 3 }).map((properties) => {
    return Type.Object(properties, { additionalProperties: false, title: 'A title' })
  }),
  fc.array(schema, { minLength: 2, maxLength: 2 }).map((values) => Type.Union(values.map((value) => Type.Object({ value })))),
  schema.map((value) => Type.Record(Type.String(), value))
)
const words = fc.record({ summary: word, description: word, deprecated: fc.boolean() })
const call = fc.tuple(words, payload, schema).map(([words, request, reply]) => ({ ...words, request, reply }))
const stream = fc.tuple(words, payload, schema).map(([words, request, stream]) => ({ ...words, request, stream }))
const kind = fc.record({ recover: fc.constant(true as const), presence: schema }, { requiredKeys: [] })
const definition = fc.record({
  clientToServer: fc.dictionary(name, fc.oneof(payload, call, stream), { maxKeys: 3 }),
  serverToClient: fc.dictionary(name, fc.oneof(payload, call), { maxKeys: 3 }),
  topics: fc.dictionary(name.filter((name) => !name.includes(':')), kind, { maxKeys: 2 }),
  discriminator: fc.constantFrom('type', 'op', 'kind-of'),
  binary: fc.record({ clientToServer: fc.boolean(), serverToClient: fc.boolean() }),
  title: word,
  description: word,
  closeCodes: fc.dictionary(fc.integer({ min: 4000, max: 4999 }).map(String), fc.constant('a | b'), { maxKeys: 2 })
})
const versioned = fc.tuple(definition, fc.option(definition)).map(([newest, old]) => {
  const contract = contractOf('random.v1', newest)
  if (old === null) return { contract, versions: [] }
  // Its clients may send no binary frame that the newest contract does not allow.
  const binary = { ...old.binary, clientToServer: old.binary.clientToServer && newest.binary.clientToServer }
  return { contract, versions: [dropping(contract, contractOf('random.v0', { ...old, binary }))] }
})

function contractOf (name: string, definition: object): AnyContract {
  return defineContract({ ...definition, name } as never)
}

/** An old version whose messages are all left out. */
function dropping (newest: AnyContract, contract: AnyContract): OlderVersion {
  const dropped = (messages: object): object => Object.fromEntries(Object.keys(messages).map((name) => [name, { drop: true }]))
  const [clientToServer, serverToClient] = [dropped(contract.clientToServer), dropped(newest.serverToClient)]
  return older(newest, { contract, clientToServer, serverToClient })
}
