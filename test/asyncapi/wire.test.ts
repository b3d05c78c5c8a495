// A message on the wire is valid by the document exactly when its payload is valid by the contract.
import t from 'tap'
import fc from 'fast-check'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Components } from '../../lib/asyncapi/components.js'
import { SchemaWriter } from '../../lib/asyncapi/schemas.js'
import { writePayload } from '../../lib/asyncapi/wire.js'
import { References } from '../../lib/schema/references.js'
import { isRecord } from '../../lib/record.js'

const head = { type: { const: 'say' }, ref: { type: 'integer' } }
const names = ['a', 'b', 'c']
const closed = { type: 'object', properties: { a: {} }, additionalProperties: false }

/** The checks of a payload, by its schema and by that of the document. */
function checksOf (schema: object): { payload: (value: object) => boolean, message: (value: object) => boolean } {
  const components = new Components()
  const wire = writePayload(new SchemaWriter(components, new References(schema), 'X'), head)
  const ajv = (): Ajv2019 => {
    const judge = new Ajv2019({ strict: false, logger: false })
    judge.opts.unevaluated = JSON.stringify(schema).includes('"unevaluatedProperties"')
    return judge
  }
  const [one, other] = [ajv().compile(schema), ajv().compile({ ...wire, components: { schemas: components.schemas } })]
  return { payload: (value) => one(value), message: (value) => other({ type: 'say', ref: 1, ...value }) }
}

const leaf = fc.constantFrom<object>({ type: 'number' }, { type: 'string' }, {}, { $id: 'Text', type: 'string', maxLength: 1 })
const properties = fc.dictionary(fc.constantFrom(...names), leaf, { maxKeys: 3 })
const closing = fc.constantFrom<object>(
  {}, {}, { additionalProperties: false }, { additionalProperties: { type: 'number' } }, { additionalProperties: true },
  { additionalProperties: {} },
  { propertyNames: { enum: ['a', 'b'] } }, { minProperties: 1 }, { maxProperties: 1 },
  { patternProperties: { '^(.*)$': { type: 'number' } } },
  { patternProperties: { '^.*$': { type: 'number' } }, additionalProperties: false },
  { patternProperties: { '^(t|a)': { type: 'number' }, e$: { type: 'string' } } }, { unevaluatedProperties: false }
)
const object = fc.record({ properties, closing, required: fc.subarray(names, { maxLength: 1 }), id: fc.option(fc.constantFrom('A', 'B')) })
  .map(({ properties, closing, required, id }) => ({
    type: 'object',
    ...(Object.keys(properties).length > 0 && { properties }),
    required,
    ...closing,
    // A name says what it names.
    ...(id !== null && { $id: `${id}${Buffer.from(JSON.stringify([properties, closing, required])).toString('hex')}` })
  }))
const { schema } = fc.letrec<{ schema: object }>((tie) => {
  const branches = fc.array(tie('schema'), { minLength: 1, maxLength: 2 })
  return {
    schema: fc.oneof(
      { maxDepth: 2, withCrossShrink: true },
      object,
      branches.map((anyOf) => ({ anyOf })),
      branches.map((oneOf) => ({ oneOf })),
      branches.map((allOf) => ({ allOf })),
      fc.tuple(object, branches, closing).map(([base, allOf, closing]) => ({ ...base, allOf, ...closing })),
      fc.tuple(object, branches).map(([base, anyOf]) => ({ ...base, anyOf, deprecated: true })),
      fc.tuple(object, tie('schema'), tie('schema')).map(([base, condition, then]) => {
        return { ...base, if: condition, then, else: { not: { required: ['a'], ...closed } } }
      }),
      fc.tuple(object, tie('schema')).map(([base, a]) => ({ ...base, dependentSchemas: { a } })),
      fc.tuple(object, object).map(([def, base]) => ({ $defs: { Def: def }, allOf: [{ $ref: '#/$defs/Def' }, base] })),
      object.map((def) => ({ $defs: { Def: def }, $ref: '#/$defs/Def' }))
    )
  }
})
const payload = fc.dictionary(fc.constantFrom(...names, 'd'), fc.constantFrom<unknown>(1, 'x', 'long', true), { maxKeys: 3 })

t.test('a message is valid by the document when its payload is valid by the contract', async () => {
  fc.assert(fc.property(schema, fc.array(payload, { minLength: 1, maxLength: 5 }), (schema, values) => {
    if (hasTwins(schema) || misleadsAjv(schema)) return true
    const checks = checksOf(schema)
    return values.every((value) => checks.payload(value) === checks.message(value))
  }), { numRuns: 50 })
})

// One `$id` on two schemas, equal as they are, is one too many for Ajv; and a schema that refers to
// its definitions stands at the root only.
function hasTwins (schema: object): boolean {
  const text = JSON.stringify(schema)
  const ids = Array.from(text.matchAll(/"\$id":"([^"]+)"/g), ([, id]) => id)
  return new Set(ids).size < ids.length || text.slice(1).includes('$defs', text.startsWith('{"$defs"') ? 10 : 0)
}

// With what Ajv notes for `unevaluatedProperties` it takes properties beside these keywords for
// unevaluated, or throws.
function misleadsAjv (schema: object): boolean {
  const has = (keyword: string): boolean => JSON.stringify(schema).includes(`"${keyword}"`)
  return has('unevaluatedProperties') && (has('dependentSchemas') || (has('if') && has('patternProperties')))
}

t.test('a message has no property that its closed payload has not', async (t) => {
  const { message } = checksOf(closed)
  t.ok(message({ a: 1 }))
  t.notOk(message({ b: 1 }))
  t.notOk(message({ a: 1, type: 'other' }))
})

t.test('references and booleans in place are read through, and closed ones opened', async (t) => {
  const definitions = { Closed: closed, Self: { ...closed, not: { $ref: '#/$defs/Self' } } }
  const schemas: object[] = [
    { $defs: definitions, $ref: '#/$defs/Closed' },
    { $defs: definitions, $ref: '#/$defs/Closed', minProperties: 1 },
    { $defs: definitions, type: 'object', allOf: [true, { $ref: '#/$defs/Closed', required: ['a'] }], if: true },
    { $defs: definitions, type: 'object', dependencies: { a: ['b'], c: closed } },
    { type: 'object', patternProperties: { '^(t|a)': { type: 'string' }, e$: {} }, additionalProperties: false },
    { type: 'object', patternProperties: { '^.*$': { type: 'number' } }, additionalProperties: false },
    { type: 'object', propertyNames: { enum: ['a'] }, minProperties: 1, maxProperties: 1 },
    { anyOf: [closed, { type: 'object', maxProperties: 0 }] },
    { allOf: [closed, { type: 'object', unevaluatedProperties: false }] }
  ]
  for (const schema of schemas) {
    const { payload, message } = checksOf(schema)
    for (const value of [{}, { a: 1 }, { b: 1 }, { a: 1, b: 2 }, { c: 1 }]) {
      t.equal(message(value), payload(value), JSON.stringify([schema, value]))
    }
  }
  const components = new Components()
  const self = { $defs: definitions, type: 'object', anyOf: [{ $ref: '#/$defs/Self' }] }
  t.match(writePayload(new SchemaWriter(components, new References(self), 'X'), head), { anyOf: [{}] }, 'a circle has an end')
})

t.test('a record is an object with additional properties', async (t) => {
  const components = new Components()
  const record = { type: 'object', patternProperties: { '^(.*)$': { type: 'number' } } }
  t.same(writePayload(new SchemaWriter(components, new References(record), 'X'), head), {
    type: 'object', additionalProperties: { type: 'number' }, properties: head, required: ['type', 'ref']
  })
  t.ok(isRecord(components.schemas))
})
