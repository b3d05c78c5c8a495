import type { Random } from './random.js'

/** A JSON Schema that may be changed. */
// oxlint-disable-next-line typescript/no-explicit-any -- any keywords, and any values of them
export type Draft = Record<string, any>

const NAMES = ['a', 'b', 'c', 'kind', 'x-y']
const TEXTS = ['', 'a', 'b', 'ab', 'abc', 'x1']
const PATTERNS = ['^a', '^[a-z]*$', 'b$']
const FORMATS = ['date', 'email']

/** A schema of a payload: an object that may hold itself. */
export function drawDocument (random: Random): Draft {
  const document = random.chance(0.9) ? drawObject(random, 2) : { anyOf: drawBranches(random, 2) }
  return { ...document, $defs: { node: drawObject(random, 1), leaf: drawSchema(random, 0) } }
}

function drawSchema (random: Random, depth: number): Draft {
  const draw = random.weighted<(random: Random, depth: number) => Draft>([
    [4, drawText], [3, drawNumber], [1, () => ({ type: 'boolean' })], [1, () => ({ type: 'null' })], [2, drawListed],
    [1, () => ({ type: random.pick([['string', 'null'], ['number', 'string'], ['integer', 'null']]) })],
    [0.5, () => ({ type: 'string', nullable: true })],
    [0.3, () => ({})],
    ...depth > 0
      ? [
          [4, drawObject], [2, drawList], [1, drawTuple], [1, drawRecord], [2, drawUnion], [1, drawIntersection], [1.5, drawReference],
          [0.5, drawNegation], [0.5, drawCondition]
        ] as Array<[number, (random: Random, depth: number) => Draft]>
      : []
  ])
  return draw(random, depth)
}

function drawText (random: Random): Draft {
  return {
    type: 'string',
    ...random.chance(0.3) ? { minLength: random.below(3) } : {},
    ...random.chance(0.3) ? { maxLength: random.between(1, 4) } : {},
    ...random.chance(0.15) ? { pattern: random.pick(PATTERNS) } : {},
    ...random.chance(0.1) ? { format: random.pick(FORMATS) } : {}
  }
}

function drawNumber (random: Random): Draft {
  return {
    type: random.pick(['number', 'integer']),
    ...random.chance(0.3) ? { [random.pick(['minimum', 'exclusiveMinimum'])]: random.between(-2, 3) } : {},
    ...random.chance(0.3) ? { [random.pick(['maximum', 'exclusiveMaximum'])]: random.between(2, 6) } : {},
    ...random.chance(0.15) ? { multipleOf: random.pick([0.5, 1, 2, 4]) } : {}
  }
}

function drawListed (random: Random): Draft {
  const values = [...TEXTS, 0, 1, 2.5, true, false, null, { a: 1 }, ['a']]
  if (random.chance(0.4)) return { const: random.pick(values) }
  return { enum: Array.from(new Set(Array.from({ length: random.between(1, 4) }, () => random.pick(random.chance(0.7) ? TEXTS : values)))) }
}

function drawObject (random: Random, depth: number): Draft {
  const names = NAMES.filter(() => random.chance(0.45))
  const properties = Object.fromEntries(names.map((name) => {
    return [name, name === 'kind' && random.chance(0.7) ? { const: random.pick(TEXTS) } : drawSchema(random, depth - 1)]
  }))
  return {
    type: 'object',
    properties,
    ...random.chance(0.7) ? { required: names.filter(() => random.chance(0.5)) } : {},
    ...random.weighted<Draft>([
      [6, {}], [2, { additionalProperties: false }], [0.5, { additionalProperties: true }],
      [0.5, { additionalProperties: drawSchema(random, 0) }], [0.3, { unevaluatedProperties: false }],
      [0.3, { patternProperties: { '^x': drawSchema(random, 0) } }]
    ]),
    ...random.chance(0.07) ? { [random.pick(['minProperties', 'maxProperties'])]: random.between(1, 3) } : {},
    ...random.chance(0.04) ? { propertyNames: { maxLength: random.between(1, 3) } } : {},
    ...random.chance(0.04) ? { dependentRequired: { a: ['b'] } } : {},
    ...random.chance(0.04) ? { dependentSchemas: { a: { properties: { b: drawSchema(random, 0) } } } } : {}
  }
}

function drawList (random: Random, depth: number): Draft {
  return {
    type: 'array',
    items: drawSchema(random, depth - 1),
    ...random.chance(0.3) ? { minItems: random.below(3) } : {},
    ...random.chance(0.3) ? { maxItems: random.between(1, 3) } : {},
    ...random.chance(0.15) ? { uniqueItems: true } : {},
    ...random.chance(0.1) ? { contains: drawSchema(random, 0) } : {}
  }
}

function drawTuple (random: Random, depth: number): Draft {
  const items = Array.from({ length: random.between(1, 2) }, () => drawSchema(random, depth - 1))
  const rest = random.chance(0.5) ? { items: random.pick([false, drawSchema(random, 0)]) } : {}
  if (random.chance(0.4)) return { type: 'array', prefixItems: items, ...rest }
  const size = random.chance(0.7) ? { minItems: items.length, maxItems: items.length } : {}
  return { type: 'array', items, additionalItems: random.pick([false, true]), ...size }
}

function drawRecord (random: Random, depth: number): Draft {
  const schema = drawSchema(random, depth - 1)
  return random.chance(0.5)
    ? { type: 'object', patternProperties: { [random.pick(['^(.*)$', '^[ab]$', '^x'])]: schema } }
    : { type: 'object', additionalProperties: schema }
}

function drawUnion (random: Random, depth: number): Draft {
  return { [random.chance(0.75) ? 'anyOf' : 'oneOf']: drawBranches(random, depth - 1) }
}

function drawBranches (random: Random, depth: number): Draft[] {
  const isTagged = random.chance(0.5)
  return Array.from({ length: random.between(2, 3) }, (_, n) => isTagged ? drawTagged(random, depth, n) : drawSchema(random, depth))
    .map((branch) => depth === 2 && branch['type'] !== 'object' ? drawObject(random, 1) : branch)
}

function drawTagged (random: Random, depth: number, n: number): Draft {
  const { properties, required = [], ...object } = drawObject(random, depth)
  const names = (required as string[]).filter((name) => name !== 'kind')
  return { ...object, properties: { ...properties as Draft, kind: { const: TEXTS[n + 1] } }, required: [...names, 'kind'] }
}

function drawIntersection (random: Random, depth: number): Draft {
  const members = [drawObject(random, depth - 1), drawObject(random, depth - 1)].map((member) => {
    return member['additionalProperties'] === false && random.chance(0.8) ? { ...member, additionalProperties: true } : member
  })
  return { allOf: members, ...random.chance(0.3) ? { unevaluatedProperties: false } : {} }
}

function drawReference (random: Random): Draft {
  return { $ref: random.pick(['#/$defs/node', '#/$defs/leaf']) }
}

function drawNegation (random: Random): Draft {
  return { ...drawSchema(random, 0), not: drawSchema(random, 0) }
}

function drawCondition (random: Random): Draft {
  const object = drawObject(random, 1)
  return { ...object, if: { properties: { a: drawSchema(random, 0) }, required: ['a'] }, then: { required: ['b'] } }
}

/** A copy with a few changes, some of which change nothing that it allows. */
export function mutate (document: Draft, random: Random): Draft {
  const copy = structuredClone(document)
  for (let left = random.weighted([[1, 0], [6, 1], [3, 2], [1, 3]]); left > 0; left--) {
    const place = random.pick(schemasIn(copy))
    random.pick(MUTATIONS)(place, random)
  }
  return copy
}

type Mutation = (schema: Draft, random: Random) => void

const MUTATIONS: readonly Mutation[] = [
  moveBound, moveBound, addKeyword, dropKeyword, addProperty, dropProperty, toggleRequired, toggleRequired, toggleClosed,
  changeValues, changeValues, changeBranches, changeBranches, changeType, changeType, wrapInUnion, replaceProperty, rewrite, rewrite,
  changeItems
]

function schemasIn (schema: unknown): Draft[] {
  if (typeof schema !== 'object' || schema === null) return []
  if (Array.isArray(schema)) return schema.flatMap(schemasIn)
  const inner = ['properties', '$defs', 'patternProperties'].flatMap((keyword) => Object.values((schema as Draft)[keyword] ?? {}))
  const direct = ['items', 'prefixItems', 'anyOf', 'oneOf', 'allOf', 'additionalProperties', 'not', 'if', 'contains']
    .map((keyword) => (schema as Draft)[keyword] as unknown)
  return [schema, ...[...inner, ...direct].flatMap(schemasIn)]
}

const BOUNDS = [
  'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties',
  'maxProperties', 'multipleOf'
]

function moveBound (schema: Draft, random: Random): void {
  const bound = BOUNDS.find((keyword) => schema[keyword] !== undefined)
  if (bound === undefined) return addKeyword(schema, random)
  schema[bound] = bound === 'multipleOf' ? random.pick([0.5, 1, 2, 4]) : Math.max(0, schema[bound] as number + random.pick([-1, 1, 2]))
}

function addKeyword (schema: Draft, random: Random): void {
  const others: Draft = { string: drawText(random), number: drawNumber(random), integer: drawNumber(random) }[String(schema['type'])] ?? {}
  for (const [keyword, value] of Object.entries(others)) if (keyword !== 'type') schema[keyword] ??= value
}

function dropKeyword (schema: Draft, random: Random): void {
  const keywords = Object.keys(schema).filter((keyword) => !['type', 'properties', '$defs', '$ref'].includes(keyword))
  if (keywords.length > 0) delete schema[random.pick(keywords)]
}

function addProperty (schema: Draft, random: Random): void {
  if (schema['properties'] === undefined) return
  const name = random.pick(NAMES)
  schema['properties'][name] = drawSchema(random, 1)
  if (random.chance(0.3)) schema['required'] = [...new Set([...schema['required'] ?? [], name])]
}

function dropProperty (schema: Draft, random: Random): void {
  const names = Object.keys(schema['properties'] ?? {})
  if (names.length === 0) return
  const name = random.pick(names)
  delete schema['properties'][name]
  if (schema['required'] !== undefined) schema['required'] = schema['required'].filter((other: string) => other !== name)
}

function toggleRequired (schema: Draft, random: Random): void {
  const names = Object.keys(schema['properties'] ?? {})
  if (names.length === 0) return
  const name = random.pick(names)
  const required = (schema['required'] ?? []) as string[]
  schema['required'] = required.includes(name) ? required.filter((other) => other !== name) : [...required, name]
}

function toggleClosed (schema: Draft): void {
  if (schema['type'] !== 'object') return
  if (schema['additionalProperties'] === false) delete schema['additionalProperties']
  else schema['additionalProperties'] = false
}

function changeValues (schema: Draft, random: Random): void {
  if (Object.hasOwn(schema, 'const')) {
    schema['enum'] = [schema['const'], random.pick(TEXTS)]
    delete schema['const']
  } else if (schema['enum'] !== undefined) {
    const values = schema['enum'] as unknown[]
    if (random.chance(0.5) && values.length > 1) values.splice(random.below(values.length), 1)
    else values.push(random.pick([...TEXTS, 3]))
  } else changeType(schema, random)
}

function changeBranches (schema: Draft, random: Random): void {
  const branches = (schema['anyOf'] ?? schema['oneOf']) as Draft[] | undefined
  if (branches === undefined) return wrapInUnion(schema, random)
  if (random.chance(0.5) && branches.length > 1) branches.splice(random.below(branches.length), 1)
  else branches.push(random.chance(0.5) ? drawTagged(random, 1, branches.length) : drawSchema(random, 1))
}

function changeType (schema: Draft, random: Random): void {
  const { type } = schema
  if (type === 'integer') schema['type'] = 'number'
  else if (type === 'number') schema['type'] = random.pick(['integer', ['number', 'null']])
  else if (type === 'string') schema['type'] = random.pick([['string', 'null'], ['string', 'integer']])
  else if (Array.isArray(type)) schema['type'] = random.pick(type)
}

// A schema of the payload itself stays an object's.
function wrapInUnion (schema: Draft, random: Random): void {
  if (schema['$defs'] !== undefined) return
  const copy = { ...schema }
  for (const keyword of Object.keys(schema)) delete schema[keyword]
  schema[random.pick(['anyOf', 'oneOf'])] = [copy, random.chance(0.5) ? { type: 'null' } : drawSchema(random, 1)]
}

function replaceProperty (schema: Draft, random: Random): void {
  const names = Object.keys(schema['properties'] ?? {})
  if (names.length > 0) schema['properties'][random.pick(names)] = drawSchema(random, 1)
}

/** Writes the same in other words. */
function rewrite (schema: Draft, random: Random): void {
  if (schema['$defs'] !== undefined) return
  const copy = { ...schema }
  const way = random.below(4)
  if (way === 0 && Array.isArray(schema['type']) && Object.keys(schema).length === 1) {
    schema['anyOf'] = (schema['type'] as string[]).map((type) => ({ type }))
    delete schema['type']
  } else if (way === 1 && schema['enum'] !== undefined && Object.keys(schema).length === 1) {
    schema['anyOf'] = (schema['enum'] as unknown[]).map((value) => ({ const: value }))
    delete schema['enum']
  } else if (way === 2) {
    for (const keyword of Object.keys(schema)) delete schema[keyword]
    schema['allOf'] = [copy]
  } else schema['title'] = 'a title'
}

function changeItems (schema: Draft, random: Random): void {
  if (Array.isArray(schema['items'])) schema['items'].push(drawSchema(random, 0))
  else if (schema['type'] === 'array') schema['items'] = drawSchema(random, 1)
}
