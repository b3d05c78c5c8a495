import { LINEAR_PATTERNS } from '../../schema/checks.js'
import { KIND } from '../../schema/equality.js'
import { rewriteSchemas, type ObjectSubschema, type Subschema } from '../../schema/subschema.js'
import { buildOf } from './builds.js'
import { canonical, ownChecksOf, textCheckOf } from './checks.js'
import { identityOf, type Check, type Line } from './line.js'
import type { Vocabulary } from './vocabulary.js'

type TextCheck = (value: string) => boolean

/** Loads TypeBox 0.34. */
export async function loadLegacy (): Promise<Line> {
  try {
    const { TypeCompiler } = await import('@sinclair/typebox/compiler')
    const namespace = await import('@sinclair/typebox')
    // upstream-private: @sinclair/typebox TypeCompiler.Code
    const compiler: LegacyCompiler = { code: (schema) => TypeCompiler.Code(schema as never), kinds: namespace.TypeRegistry }
    return {
      build: buildOf(namespace),
      made: ({ schema }) => KIND in Object(schema),
      isBeyond,
      compile: (root, vocabulary) => compile(root, vocabulary, compiler)
    }
  } finally {
    // A bundler lets a package be missing only where its import is awaited in a `try`.
  }
}

/** The parts of 0.34 that are used. */
interface LegacyCompiler {
  /** The code of a check, which calls `kind`, `format` and `hash`. */
  readonly code: (schema: unknown) => string
  /** A registry in which every kind needs an entry while code is made. */
  readonly kinds: { Set (name: string, check: () => boolean): void, Delete (name: string): boolean }
}

// 0.34 counts UTF-16 units, makes its expressions without a flag and knows no formats. Its code
// calls a function for a text's format, and one for a kind: so the checks of a text are written as
// a format, and those of the app as a kind.
function compile (root: Subschema, vocabulary: Vocabulary, { code, kinds }: LegacyCompiler): Check {
  const texts: TextCheck[] = []
  const own: Record<string, Check> = {}
  const copy = rewriteSchemas(root, (schema, part) => {
    const check = ownChecksOf(part, vocabulary)[0]?.check
    if (check !== undefined) {
      const name = `fastify-typed-ws ${Object.keys(own).length}`
      own[name] = check
      return { ...identityOf(schema), [KIND]: name }
    }
    const text = TEXT_KINDS.has(schema[KIND]) ? textCheckOf(part, vocabulary) : undefined
    return text === undefined ? schema : { ...identityOf(schema), [KIND]: 'String', type: 'string', format: `${texts.push(text) - 1}` }
  })
  return evaluate(withKinds(Object.keys(own), kinds, () => code(copy)), texts, own)
}

const TEXT_KINDS = new Set<unknown>(['String', 'TemplateLiteral'])

function withKinds<T> (names: readonly string[], kinds: LegacyCompiler['kinds'], make: () => T): T {
  for (const name of names) kinds.Set(name, () => false)
  try {
    return make()
  } finally {
    for (const name of names) kinds.Delete(name)
  }
}

// Each text's check is called by a name of its own, which is faster than looking it up. A quote
// within a text of the schema's is escaped in the code, so no such text looks like a call.
function evaluate (code: string, texts: readonly TextCheck[], own: Readonly<Record<string, Check>>): Check {
  const named = code.replace(/\bformat\('(\d+)', /g, 'text$1(')
  const kind = (name: string, _instance: number, value: unknown): boolean => own[name]!(value)
  const parameters = ['kind', 'hash', ...texts.map((_, n) => `text${n}`)]
  // oxlint-disable-next-line no-implied-eval -- code made of a schema, never of a message
  const make = new Function(...parameters, named) as (...runtime: unknown[]) => Check // eslint-disable-line no-new-func -- as above
  return make(kind, canonical, ...texts)
}

// The kinds on which 0.34 looks at a keyword; with an empty list it never does. A keyword that is
// not looked at lets everything through that it forbids.
const KINDS_BY_KEYWORD: ReadonlyMap<string, readonly string[]> = new Map(Object.entries({
  additionalItems: ['Tuple'],
  additionalProperties: ['Object', 'Record'],
  allOf: ['Intersect'],
  anyOf: ['Union'],
  const: ['Literal'],
  contains: ['Array'],
  dependencies: [],
  dependentRequired: [],
  dependentSchemas: [],
  enum: [],
  exclusiveMaximum: ['Integer', 'Number'],
  exclusiveMinimum: ['Integer', 'Number'],
  format: ['String'],
  if: [],
  items: ['Array', 'Tuple'],
  maxItems: ['Array', 'Tuple'],
  maxLength: ['String'],
  maxProperties: ['Object', 'Record'],
  maximum: ['Integer', 'Number'],
  minItems: ['Array', 'Tuple'],
  minLength: ['String'],
  minProperties: ['Object', 'Record'],
  minimum: ['Integer', 'Number'],
  multipleOf: ['Integer', 'Number'],
  minContains: [],
  maxContains: [],
  not: ['Never', 'Not'],
  oneOf: [],
  pattern: ['String', 'TemplateLiteral'],
  patternProperties: ['Record'],
  prefixItems: [],
  properties: ['Object'],
  propertyNames: [],
  required: ['Object'],
  unevaluatedItems: [],
  unevaluatedProperties: [],
  uniqueItems: ['Array']
}))
const PLAIN_KINDS = new Set([
  ...[...KINDS_BY_KEYWORD.values()].flat(), 'Any', 'Boolean', 'Import', 'Null', 'Ref', 'This', 'Unknown'
])

// A kind that the app registered is the app's to check.
function isBeyond ({ schema }: ObjectSubschema): boolean {
  const kind = (schema as Readonly<Record<symbol, unknown>>)[KIND]
  if (typeof kind !== 'string') return true
  if (PLAIN_KINDS.has(kind) && Object.keys(schema).some((keyword) => KINDS_BY_KEYWORD.get(keyword)?.includes(kind) === false)) return true
  // 0.34 takes the remainder of a quotient that floating point has rounded, and makes its
  // expressions without a flag.
  const { multipleOf, patternProperties } = schema
  if (multipleOf !== undefined && !Number.isInteger(multipleOf)) return true
  return !Object.keys(patternProperties ?? {}).every((pattern) => LINEAR_PATTERNS.has(pattern))
}
