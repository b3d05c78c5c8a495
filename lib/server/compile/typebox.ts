import { openAjv, type AjvCheck } from './ajv.js'
import { buildOf, findBuilds, type Build, type Namespace } from './builds.js'
import { canonical, expressionOf, LOOSE_KEYWORDS, looseCheckOf, ownChecksOf, textCheckOf, type OwnCheck } from './checks.js'
import { KIND, REFINE } from '../../schema/equality.js'
import { explain, UNEXPLAINED } from './explain.js'
import { LINEAR_PATTERNS, rewriteSchemas, type Subschema, type References, type SchemaPart } from '../../schema/schema.js'
import type { Vocabulary } from './vocabulary.js'

/** Checks values against one schema. */
export interface Checker {
  readonly check: (value: unknown) => boolean
  /** Why `check` said no, by its first error. */
  readonly explain: (value: unknown) => string
  /** Checks values against a part of the schema. */
  readonly checkOf: (part: Subschema) => (value: unknown) => boolean
}

type Check = (value: unknown) => boolean

/** The lines of TypeBox that are installed, and what the app registered in them. */
export interface TypeBox {
  readonly builds: readonly Build[]
  /** Compiles a check, where a line of TypeBox made the schema and its compiler looks at all that the schema asks for. */
  compile (references: References, vocabulary: Vocabulary): Check | undefined
}

/** What is used of a line of TypeBox. */
interface Line {
  readonly build: Build
  /** Whether the line made a schema. */
  readonly made: (part: Subschema) => boolean
  /** Whether a schema asks for something that its compiler does not look at. */
  readonly isBeyond: (part: SchemaPart) => boolean
  readonly compile: (root: Subschema, vocabulary: Vocabulary) => Check
}

/**
 * Finds which lines of TypeBox are installed: both are optional peers.
 * @param given - the builds whose registries count. Default: all that are found.
 */
export async function loadTypeBox (
  given?: readonly Namespace[],
  importLegacy: () => Promise<Line> = loadLegacy,
  importCurrent: () => Promise<Line> = loadCurrent
): Promise<TypeBox> {
  const found = await Promise.all([importCurrent().catch(ignoreMissing), importLegacy().catch(ignoreMissing)])
  const lines = found.filter((line) => line !== undefined)
  return {
    builds: given?.map(buildOf) ?? [...lines.map(({ build }) => build), ...await findBuilds()],
    compile: (references, vocabulary) => {
      const line = lines.find(({ made }) => made(references.root))
      return line && compileBy(line, references, vocabulary)
    }
  }
}

async function loadLegacy (): Promise<Line> {
  try {
    const { TypeCompiler } = await import('@sinclair/typebox/compiler')
    const namespace = await import('@sinclair/typebox')
    return {
      build: buildOf(namespace),
      made: ({ schema }) => KIND in Object(schema),
      isBeyond: isBeyondLegacy,
      compile: (root, vocabulary) => compileLegacy(root, vocabulary, { code: (schema) => TypeCompiler.Code(schema as never), kinds: namespace.TypeRegistry })
    }
  } finally {
    // A bundler lets a package be missing only where its import is awaited in a `try`.
  }
}

async function loadCurrent (): Promise<Line> {
  try {
    const { Compile } = await import('typebox/compile')
    const { Format } = await import('typebox/format')
    return {
      build: buildOf({ Format }),
      made: ({ schema }) => CURRENT_KIND in Object(schema),
      isBeyond: isBeyondCurrent,
      compile: (root, vocabulary) => compileCurrent(root, vocabulary, (schema) => Compile(schema as never))
    }
  } finally {
    // A bundler lets a package be missing only where its import is awaited in a `try`.
  }
}

const CURRENT_KIND = '~kind'

/** @throws unless the package is just not there. */
function ignoreMissing (error: unknown): undefined {
  const { code, message } = Object(error) as { code?: unknown, message?: unknown }
  if (!MISSING.has(code) || !NOT_INSTALLED.test(String(message))) throw error
}

// The second is a bundle's, as a CommonJS module.
const MISSING = new Set<unknown>(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'])
// A file that is missing within the package is named by its path.
const NOT_INSTALLED = /Cannot find (?:package|module) ['"](?:@sinclair\/)?typebox/

function compileBy (line: Line, references: References, vocabulary: Vocabulary): Check | undefined {
  const isBeyond = (part: SchemaPart): boolean => line.isBeyond(part) || part.schema['nullable'] === true || Object.keys(part.schema).some((name) => vocabulary.isAjvKeyword(name))
  if (vocabulary.isAjvs || references.reachable().some(isBeyond)) return undefined
  try {
    return line.compile(references.root, vocabulary)
  } catch {
    // Type.Unsafe of a foreign JSON Schema is beyond a compiler.
    return undefined
  }
}

/** Tells why values are refused, by an Ajv that is made when it is first needed: TypeBox 1.x finds every error before it tells the first, and no two lines use the same words. */
export function explainLater (references: References, vocabulary: Vocabulary): Pick<Checker, 'explain' | 'checkOf'> {
  let open: ReturnType<typeof openAjv> | undefined
  const checks = new Map<string, AjvCheck>()
  const checkOf = (part: Subschema): AjvCheck => {
    open ??= openAjv(references, vocabulary)
    const check = checks.get(part.uri) ?? open(part)
    checks.set(part.uri, check)
    return check
  }
  return { checkOf, explain: (value) => explainBy(() => checkOf(references.root), value) }
}

// A schema that Ajv cannot compile stays unexplained.
function explainBy (compile: () => AjvCheck, value: unknown): string {
  try {
    const check = compile()
    check(value)
    return explain(check.errors)
  } catch {
    return UNEXPLAINED
  }
}

/** What is used of 0.34. */
interface LegacyCompiler {
  /** The code of a check, which calls `kind`, `format` and `hash`. */
  readonly code: (schema: unknown) => string
  /** Kinds need an entry while code is made. */
  readonly kinds: { Set (name: string, check: () => boolean): void, Delete (name: string): boolean }
}

// 0.34 counts UTF-16 units, makes its expressions without a flag and knows no formats. Its code calls for what a text's format is, and what a kind is: so a text's
// checks are written as a format, and the app's own as a kind.
function compileLegacy (root: Subschema, vocabulary: Vocabulary, { code, kinds }: LegacyCompiler): Check {
  const texts: Array<(value: string) => boolean> = []
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
  return evaluate(withKinds(Object.keys(own), kinds, () => code(copy)), texts, (name, _, value) => own[name]!(value))
}

const TEXT_KINDS = new Set<unknown>(['String', 'TemplateLiteral'])

function identityOf ({ $id }: Readonly<Record<PropertyKey, unknown>>): object {
  return $id === undefined ? {} : { $id }
}

function withKinds<T> (names: readonly string[], kinds: LegacyCompiler['kinds'], make: () => T): T {
  for (const name of names) kinds.Set(name, () => false)
  try {
    return make()
  } finally {
    for (const name of names) kinds.Delete(name)
  }
}

// Each text's check is called by a name of its own, which is faster than looking it up. A quote within a text of the schema's is escaped there, so none looks like a call.
function evaluate (code: string, texts: ReadonlyArray<(value: string) => boolean>, kind: (name: string, instance: number, value: unknown) => boolean): Check {
  const named = code.replace(/\bformat\('(\d+)', /g, 'text$1(')
  // oxlint-disable-next-line no-implied-eval -- as TypeBox does with this very code; made of a schema, never of a message
  const make = new Function('kind', 'hash', ...texts.map((_, n) => `text${n}`), named) as (...runtime: unknown[]) => Check // eslint-disable-line no-new-func -- as above
  return make(kind, canonical, ...texts)
}

// 1.x counts what a reader would, has tolerances of its own, and formats that Fastify's HTTP takes otherwise: its refinements are called instead.
function compileCurrent (root: Subschema, vocabulary: Vocabulary, compile: (schema: unknown) => { Check (value: unknown): boolean }): Check {
  const copy = rewriteSchemas(root, (schema, part) => {
    const loose = looseCheckOf(part, vocabulary)
    const own = ownChecksOf(part, vocabulary)
    if (vocabulary.kindOf(part) !== undefined) return { ...identityOf(schema), [REFINE]: own.map(withError) }
    const checks = loose === undefined ? own : [{ check: loose }, ...own]
    if (checks.length === 0) return schema
    for (const keyword of LOOSE_KEYWORDS) delete schema[keyword]
    return Object.defineProperty(schema, REFINE, { value: checks.map(withError), enumerable: true })
  })
  const compiled = compile(copy)
  return (value) => compiled.Check(value)
}

// The shape of a refinement, whose error is not asked for.
function withError ({ check }: Pick<OwnCheck, 'check'>): object {
  return { check, error: String }
}

// Which keywords 0.34 looks at on which kinds only, and, with an empty list, on none. Not to look at a keyword is to let through what it forbids.
const LEGACY_KINDS: Readonly<Record<string, readonly string[]>> = {
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
}
const LEGACY_PLAIN_KINDS = new Set([
  ...Object.values(LEGACY_KINDS).flat(), 'Any', 'Boolean', 'Import', 'Null', 'Ref', 'This', 'Unknown'
])

// A kind the app registered is the app's to check.
function isBeyondLegacy ({ schema }: SchemaPart): boolean {
  const kind = (schema as Readonly<Record<symbol, unknown>>)[KIND]
  if (typeof kind !== 'string') return true
  if (LEGACY_PLAIN_KINDS.has(kind) && Object.keys(schema).some((keyword) => Object.hasOwn(LEGACY_KINDS, keyword) && !LEGACY_KINDS[keyword]!.includes(kind))) return true
  // It takes the remainder of what floating point has rounded, and makes its expressions without a flag.
  const { multipleOf, patternProperties } = schema
  return (multipleOf !== undefined && !Number.isInteger(multipleOf)) || !Object.keys(patternProperties ?? {}).every((pattern) => LINEAR_PATTERNS.has(pattern))
}

// 1.x looks at the names of properties, which may bound what a pattern meets, after patternProperties.
function isBeyondCurrent ({ schema }: SchemaPart): boolean {
  if (Object.keys(schema['patternProperties'] ?? {}).some((pattern) => !isUnicode(pattern))) return true
  return 'propertyNames' in schema && 'patternProperties' in schema
}

function isUnicode (pattern: string): boolean {
  return expressionOf(pattern).unicode
}
