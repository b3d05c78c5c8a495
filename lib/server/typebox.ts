import { fullFormats } from 'ajv-formats/dist/formats.js'
import { openAjv, type AjvCheck } from './ajv.js'
import { explain, UNEVALUATED, UNEXPLAINED } from './explain.js'
import { formatsIn, References, schemasIn, type Part, type Schema } from './schema.js'

/** Checks values against one schema. */
export interface Checker {
  readonly check: (value: unknown) => boolean
  /** Why `check` said no, by its first error. */
  readonly explain: (value: unknown) => string
  /** Checks values against a part of the schema. */
  readonly checkOf: (part: Part) => (value: unknown) => boolean
}

/** Makes a checker, where a line of TypeBox made the schema and can compile it. */
export type TypeBox = (schema: Schema) => Checker | undefined

type FormatCheck = (value: string) => boolean
type Format = true | RegExp | FormatCheck | { validate: RegExp | FormatCheck }

/** What is used of a line of TypeBox. */
interface Line {
  readonly compile: (schema: Schema) => { Check (value: unknown): boolean }
  /** Whether a schema asks for something that its compiler does not look at. */
  readonly isBeyond: (schema: Schema) => boolean
  readonly formats: { Has (name: string): boolean, Get (name: string): FormatCheck | undefined, Set (name: string, check: FormatCheck): void }
  /** How formats are registered. */
  readonly advice: string
  /** Makes an Ajv that sees what the line sees. */
  readonly ajvOptions: Readonly<Record<string, unknown>>
}

const LEGACY_KIND = Symbol.for('TypeBox.Kind')
const CURRENT_KIND = '~kind'

/** Finds which lines of TypeBox are installed: both are optional peers. */
export async function loadTypeBox (
  importLegacy: () => Promise<Line> = loadLegacy,
  importCurrent: () => Promise<Line> = loadCurrent
): Promise<TypeBox> {
  const [legacy, current] = await Promise.all([importLegacy().catch(ignoreMissing), importCurrent().catch(ignoreMissing)])
  return (schema) => {
    if (current !== undefined && CURRENT_KIND in schema) return checkerOf(current, schema)
    if (legacy !== undefined && LEGACY_KIND in schema) return checkerOf(legacy, schema)
    return undefined
  }
}

async function loadLegacy (): Promise<Line> {
  try {
    const { TypeCompiler } = await import('@sinclair/typebox/compiler')
    const { FormatRegistry } = await import('@sinclair/typebox')
    return {
      compile: (schema) => TypeCompiler.Compile(schema as never),
      isBeyond: isBeyondLegacy,
      formats: FormatRegistry,
      advice: 'FormatRegistry.Set of @sinclair/typebox',
      // It counts UTF-16 units and makes its regular expressions without a flag.
      ajvOptions: { unicode: false, unicodeRegExp: false }
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
      compile: (schema) => Compile(schema),
      isBeyond: isBeyondCurrent,
      formats: Format,
      advice: 'Format.Set of typebox/format',
      ajvOptions: { multipleOfPrecision: 10 }
    }
  } finally {
    // A bundler lets a package be missing only where its import is awaited in a `try`.
  }
}

function ignoreMissing (): undefined {
  return undefined
}

function checkerOf (line: Line, schema: Schema): Checker | undefined {
  if (schemasIn(schema).some(line.isBeyond)) return undefined
  registerFormats(line, schema)
  const compiled = compile(line, schema)
  if (compiled === undefined) return undefined
  const ajv = openLater(line, schema)
  const unseen = schemasIn(schema).some((part) => part['unevaluatedProperties'] === false) ? UNEVALUATED : UNEXPLAINED
  return {
    check: (value) => compiled.Check(value),
    explain: (value) => explainBy(ajv, value) ?? unseen,
    checkOf: (part) => ajv(part.uri)
  }
}

// Type.Unsafe of a foreign JSON Schema is beyond a compiler.
function compile (line: Line, schema: Schema): ReturnType<Line['compile']> | undefined {
  try {
    return line.compile(schema)
  } catch {
    return undefined
  }
}

// TypeBox 1.x finds every error before it tells the first, which takes 160 ms for a message of 64 KiB, and no two lines use the same words. So an Ajv, made
// when it is first needed, does the telling.
function openLater (line: Line, schema: Schema): (uri?: string) => AjvCheck {
  const { root } = new References(schema)
  const formats = new Map(formatsIn(schema).map((name) => [name, line.formats.Get(name)!]))
  let open: ReturnType<typeof openAjv> | undefined
  const checks = new Map<string, AjvCheck>()
  return (uri = root.uri) => {
    open ??= openAjv(root, { customOptions: { ...EXPLAINING, ...line.ajvOptions }, formats })
    const check = checks.get(uri) ?? open(uri)
    checks.set(uri, check)
    return check
  }
}

const EXPLAINING = { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false, strict: false, strictNumbers: true, logger: false }

// What an Ajv does not see, or cannot compile, stays unexplained.
function explainBy (ajv: (uri?: string) => AjvCheck, value: unknown): string | undefined {
  try {
    const check = ajv()
    return check(value) ? undefined : explain(check.errors)
  } catch {
    return undefined
  }
}

// 0.34 knows no formats of its own; what the app registered stays.
function registerFormats ({ formats, advice }: Line, schema: Schema): void {
  for (const name of formatsIn(schema)) {
    if (formats.Has(name)) continue
    const format = (fullFormats as Readonly<Record<string, unknown>>)[name] as Format | undefined
    if (format === undefined) throw new Error(`unknown format "${name}": register it with ${advice}, or leave it out`)
    formats.Set(name, formatCheck(format))
  }
}

function formatCheck (format: Format): FormatCheck {
  if (format === true) return () => true
  const check = typeof format === 'object' && 'validate' in format ? format.validate : format
  return typeof check === 'function' ? check : (value) => check.test(value)
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
  not: ['Never', 'Not'],
  oneOf: [],
  pattern: ['String', 'TemplateLiteral'],
  patternProperties: ['Record'],
  prefixItems: [],
  properties: ['Object'],
  propertyNames: [],
  required: ['Object'],
  unevaluatedItems: [],
  unevaluatedProperties: ['Intersect'],
  uniqueItems: ['Array']
}
const LEGACY_PLAIN_KINDS = new Set([
  ...Object.values(LEGACY_KINDS).flat(), 'Any', 'Boolean', 'Import', 'Null', 'Ref', 'This', 'Unknown'
])

// A kind the app registered is the app's to check.
function isBeyondLegacy (schema: Schema): boolean {
  const kind = (schema as Readonly<Record<symbol, unknown>>)[LEGACY_KIND]
  if (typeof kind !== 'string') return true
  return LEGACY_PLAIN_KINDS.has(kind) && Object.keys(schema).some((keyword) => Object.hasOwn(LEGACY_KINDS, keyword) && !LEGACY_KINDS[keyword]!.includes(kind))
}

// 1.x looks at formats of texts only, and at the names of properties, which may bound what a pattern meets, after patternProperties.
function isBeyondCurrent (schema: Schema): boolean {
  return ('format' in schema && schema['type'] !== 'string') || ('propertyNames' in schema && 'patternProperties' in schema)
}
