// Documents as the official parser reads them.
import { createRequire } from 'node:module'
import t from 'tap'
import fc from 'fast-check'
import { Type, type TSchema } from '@sinclair/typebox'
import { asyncapi, type AsyncApiDocument } from '../../lib/asyncapi/index.js'
import { defineContract, type AnyContract } from '../../lib/contract.js'
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

async function documentOf (t: Teardown, contracts: readonly AnyContract[]): Promise<AsyncApiDocument> {
  const app = await createApp(t)
  await app.register(asyncapi, { info: { title: 'Test', version: '1' }, protocol: true })
  for (const [i, contract] of contracts.entries()) {
    const on = Object.fromEntries(Object.keys(contract.clientToServer).map((name) => [name, () => {}]))
    const binary = contract.binary.clientToServer ? { binary () {} } : {}
    app.ws(`/${i}/:room`, { contract, on, ...binary })
  }
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
  t.same(await faultsOf(await documentOf(t, [chat])), [])
})

t.test('the parser finds no fault in the documents of random contracts', async (t) => {
  await fc.assert(fc.asyncProperty(contract, async (contract) => {
    const faults = await faultsOf(await documentOf(t, [contract]))
    if (faults.length > 0) throw new Error(faults.join('\n'))
  }), { numRuns: 6 })
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
const contract = fc.record({
  clientToServer: fc.dictionary(name, fc.oneof(payload, call, stream), { maxKeys: 3 }),
  serverToClient: fc.dictionary(name, fc.oneof(payload, call), { maxKeys: 3 }),
  discriminator: fc.constantFrom('type', 'op', 'kind-of'),
  binary: fc.record({ clientToServer: fc.boolean(), serverToClient: fc.boolean() }),
  title: word,
  description: word,
  closeCodes: fc.dictionary(fc.integer({ min: 4000, max: 4999 }).map(String), fc.constant('a | b'), { maxKeys: 2 })
}).map((definition): AnyContract => defineContract({ ...definition, name: 'random.v1' } as never))
