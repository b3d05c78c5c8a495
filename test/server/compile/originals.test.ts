// Schemas of `app.addSchema`: Fastify keeps a copy of them without kinds, refinements and
// conversions.
import t from 'tap'
import { FormatRegistry, Kind, Type as Legacy, TypeRegistry } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { Type as Current } from 'typebox'
import { defineContract } from '../../../lib/index.js'
import { connect, createApp, listen, type Teardown } from '../../support/helper.js'

const isEven = (value: unknown): boolean => typeof value === 'number' && value % 2 === 0
TypeRegistry.Set('SharedEven', (_, value) => isEven(value))
FormatRegistry.Set('shared-even', (text) => text.length % 2 === 0)

const Even = (): object => Legacy.Unsafe({ [Kind]: 'SharedEven' })
const shared: Readonly<Record<string, () => { schema: object, $ref: object, good: unknown, bad: unknown }>> = {
  'a kind': () => ({
    schema: { ...Even(), [Kind]: 'SharedEven', $id: 'S' },
    $ref: Legacy.Unsafe({ $ref: 'S', [Kind]: 'Ref' }),
    good: 2,
    bad: 3
  }),
  'a kind within an object': () => ({
    schema: Legacy.Object({ n: Even() as never }, { $id: 'S' }),
    $ref: Legacy.Ref('S'),
    good: { n: 2 },
    bad: { n: 3 }
  }),
  'a refinement of TypeBox 1.x': () => ({
    schema: Current.Object({ n: Current.Refine(Current.Number(), isEven) }, { $id: 'S' }),
    $ref: Current.Ref('S'),
    good: { n: 2 },
    bad: { n: 3 }
  }),
  'a format of the app\'s own': () => ({
    schema: Legacy.String({ $id: 'S', format: 'shared-even' }),
    $ref: Legacy.Ref('S'),
    good: 'ab',
    bad: 'abc'
  })
}

const builderOf = ($ref: object): typeof Legacy => '~kind' in $ref ? Current as never : Legacy

/** Serves one call whose value is the shared schema, in a scope of its own. */
async function statusesOf (
  t: Teardown,
  make: () => ReturnType<typeof shared[string]>,
  place: 'app' | 'scope' | 'parent'
): Promise<unknown[]> {
  const { schema, $ref, good, bad } = make()
  const Type = builderOf($ref)
  const contract = defineContract({
    name: 'shared.v1',
    clientToServer: { say: { request: Type.Object({ value: $ref as never }), reply: Type.Boolean() } }
  })
  const app = await createApp(t)
  if (place !== 'scope') app.addSchema(schema)
  const declare = async (scope: FastifyInstance): Promise<void> => {
    if (place === 'scope') scope.addSchema(schema)
    scope.ws('/', { contract, on: { say: () => true } })
  }
  if (place === 'app') await declare(app)
  else await app.register(declare)
  const client = await connect(t, await listen(app))
  const statuses: unknown[] = []
  for (const value of [good, bad]) {
    client.send({ type: 'say', ref: 1, value })
    const { type, code } = await client.next()
    statuses.push(code ?? type)
  }
  return statuses
}

/** Serves a call whose value is the shared schema S, and calls it once. */
async function answerOf (t: Teardown, app: FastifyInstance, value: unknown): Promise<unknown> {
  app.ws('/', {
    contract: defineContract({
      name: 'shared.v1',
      clientToServer: { say: { request: Legacy.Object({ value: Legacy.Ref('S') }), reply: Legacy.Boolean() } }
    }),
    on: { say: () => true }
  })
  const client = await connect(t, await listen(app))
  client.send({ type: 'say', ref: 1, value })
  return await client.next()
}

for (const [what, make] of Object.entries(shared)) {
  for (const place of ['app', 'scope', 'parent'] as const) {
    t.test(`${what} in a shared schema of ${place === 'app'
      ? 'the app'
      : place === 'scope' ? 'the route\'s scope' : 'a scope around it'} is enforced`, async (t) => {
      t.same(await statusesOf(t, make, place), ['$reply', 'FST_TYPED_WS_VALIDATION'])
    })
  }
}

t.test('a shared schema that cannot travel is refused at boot', async (t) => {
  const app = await createApp(t)
  app.addSchema(Legacy.Transform(Legacy.String({ $id: 'S' })).Decode((text) => text.length).Encode(String))
  app.ws('/', {
    contract: defineContract({ name: 'shared.v1', clientToServer: { say: Legacy.Object({ value: Legacy.Ref('S') }) } }),
    on: { say () {} }
  })
  await t.rejects(async () => { await app.ready() }, { code: 'FST_TYPED_WS_INVALID_SCHEMA', message: /a codec/ })
})

t.test('a kind in a shared schema that nothing registers is refused at boot', async (t) => {
  const app = await createApp(t)
  app.addSchema(Legacy.Object({ n: Legacy.Unsafe({ [Kind]: 'SharedOdd' }) }, { $id: 'S' }))
  app.ws('/', {
    contract: defineContract({ name: 'shared.v1', clientToServer: { say: Legacy.Object({ value: Legacy.Ref('S') }) } }),
    on: { say () {} }
  })
  await t.rejects(async () => { await app.ready() }, { code: 'FST_TYPED_WS_INVALID_SCHEMA', message: /SharedOdd/ })
})

t.test('a shared schema that is changed after it was added keeps its meaning', async (t) => {
  const app = await createApp(t)
  const schema = { $id: 'S', type: 'string', maxLength: 3 }
  app.addSchema(schema)
  schema.maxLength = 1
  t.match(await answerOf(t, app, 'abc'), { type: '$reply' })
})

t.test('a schema store of the app\'s own is used as it is', async (t) => {
  const bucket = (): object => ({ add () {}, getSchema: () => undefined, getSchemas: () => ({ S: { $id: 'S', type: 'string' } }) })
  const app = await createApp(t, {}, { schemaController: { bucket } } as never)
  t.equal(app.addSchema({ $id: 'S' }), app)
  t.match(await answerOf(t, app, 'abc'), { type: '$reply' })
})
