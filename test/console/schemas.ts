import fc from 'fast-check'

export type Schema = Record<string, unknown> | boolean

const name = fc.constantFrom('a', 'b', 'x-y', 'ref', '$z', 'naïve', '"', '*/', 'toString')
const count = fc.integer({ min: 0, max: 3 })
const ranged = (keyword: string): fc.Arbitrary<Record<string, unknown>> => fc.option(
  fc.tuple(count, count),
  { nil: undefined }
).map((pair) => {
  return pair === undefined ? {} : { [`min${keyword}`]: Math.min(...pair), [`max${keyword}`]: Math.max(...pair) }
})
const bounds = fc.record({
  minimum: fc.integer({ min: -20, max: 3 }),
  maximum: fc.integer({ min: 4, max: 40 }),
  exclusiveMinimum: fc.integer({ min: -20, max: 3 }),
  exclusiveMaximum: fc.integer({ min: 5, max: 40 }),
  multipleOf: fc.constantFrom(0.5, 1, 2)
}, { requiredKeys: [] })
const words = fc.record(
  { description: fc.constantFrom('A thing.', 'Two\nlines */ // and more\u2028end'), title: fc.constant('T') },
  { requiredKeys: [] }
)
const format = fc.constantFrom('date-time', 'date', 'email', 'uuid', 'uri', 'ipv4', 'ipv6', 'hostname', 'time')

/** Schemas for each of which a value can be made without solving riddles. */
export const { schema } = fc.letrec<{ schema: Schema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    fc.tuple(ranged('Length'), words).map(([bounds, words]) => ({ type: 'string', ...bounds, ...words })),
    format.map((format) => ({ type: 'string', format })),
    fc.constantFrom('^[a-z]+$', '^\\d+$', '^#').map((pattern) => ({ type: 'string', pattern })),
    fc.tuple(fc.constantFrom('number', 'integer'), bounds).map(([type, bounds]) => ({ type, ...bounds })),
    fc.constantFrom<Schema>(
      {
        type: 'boolean'
      }, { type: 'null' }, true, {}, { const: 'x' }, { const: { a: [1] } }, { enum: ['a', 1, null] }, { type: ['string', 'null'] },
      { type: 'string', default: 'd', examples: ['e'] }, { type: 'string', default: 5 }, { $ref: '#/components/schemas/Tree' },
      { properties: { a: { minimum: 1 } }, required: ['a'] }, { type: 'integer', multipleOf: 3, minimum: 4 }
    ),
    fc.tuple(fc.dictionary(name, tie('schema'), { maxKeys: 3 }), fc.boolean(), fc.boolean()).map(([properties, isClosed, areRequired]) => ({
      type: 'object',
      properties,
      ...(areRequired && { required: Object.keys(properties) }),
      ...(isClosed && { additionalProperties: false })
    })),
    fc.tuple(tie('schema'), ranged('Items')).map(([items, bounds]) => ({ type: 'array', items, ...bounds })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 2 })
      .map((items) => ({ type: 'array', items, minItems: items.length, additionalItems: false })),
    tie('schema').map((additionalProperties) => ({ type: 'object', additionalProperties, minProperties: 1 })),
    fc.array(tie('schema'), { minLength: 2, maxLength: 3 }).map((anyOf) => ({ anyOf }))
  )
}))

/** The schemas that those above refer to. */
export const shared = {
  components: {
    schemas: {
      Tree: {
        type: 'object',
        properties: {
          children: { type: 'array', items: { $ref: '#/components/schemas/Tree' } },
          next: { $ref: '#/components/schemas/Tree' }
        },
        required: ['children']
      }
    }
  }
}
