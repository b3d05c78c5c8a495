import { str, type Ajv, type CodeKeywordDefinition, type KeywordDefinition } from 'ajv'
// upstream-private: ajv ajv/dist/vocabularies
import dependentSchemas from 'ajv/dist/vocabularies/applicator/dependentSchemas.js'
import items from 'ajv/dist/vocabularies/applicator/items.js'
import items2020 from 'ajv/dist/vocabularies/applicator/items2020.js'
import prefixItems from 'ajv/dist/vocabularies/applicator/prefixItems.js'
import unevaluatedItems from 'ajv/dist/vocabularies/unevaluated/unevaluatedItems.js'
import unevaluatedProperties from 'ajv/dist/vocabularies/unevaluated/unevaluatedProperties.js'
import dependentRequired from 'ajv/dist/vocabularies/validation/dependentRequired.js'
import limitContains from 'ajv/dist/vocabularies/validation/limitContains.js'
import { expressionOf, hasUniqueItems, isMultipleOf, ownChecksOf, type OwnCheck } from './checks.js'
import type { AjvError } from './explain.js'
import type { References } from '../../schema/references.js'
import { rewriteSchemas, type ObjectSubschema, type Schema, type Subschema } from '../../schema/subschema.js'
import { createAjv, type Vocabulary } from './vocabulary.js'

/** Options of Ajv, by name. */
export type AjvOptions = Readonly<Record<string, unknown>>

/** A check that leaves its errors behind. */
export type AjvCheck = ((value: unknown) => boolean) & { errors?: readonly AjvError[] | null }

/**
 * Opens an Ajv for one message's schema, which compiles the schema or any part of it. Each schema
 * has an Ajv of its own, so that one `$id` may name different schemas in two messages.
 *
 * @param options - of Ajv, over the app's.
 */
export function openAjv (references: References, vocabulary: Vocabulary, options: AjvOptions = {}): (part: Subschema) => AjvCheck {
  const documents = [...references.documents()]
  const parts = references.reachable()
  const { customOptions = {}, plugins = [] } = vocabulary.ajv
  const tracking = { unevaluated: parts.some(({ schema }) => 'unevaluatedProperties' in schema || 'unevaluatedItems' in schema) }
  // With `useDefaults`, a default that cannot be filled in stops the boot.
  const strictness = { strictSchema: Boolean(customOptions['useDefaults']) }
  const ajv = createAjv({ customOptions: { ...customOptions, ...OPTIONS, ...tracking, ...strictness, ...options }, plugins })
  addKeywords(ajv, vocabulary)
  addFormats(ajv, parts, vocabulary)
  // upstream-private: ajv Ajv#RULES
  const takes = (keyword: string): boolean => Object.hasOwn(ajv.RULES.keywords, keyword)
  const translator: Translator = { references, vocabulary, name: (part) => nameOf(part, documents), takes }
  for (const [, document] of documents) ajv.addSchema(translate(document, translator), translator.name(document).slice(0, -1))
  return (part) => ajv.compile({ $ref: translator.name(part) }) as AjvCheck
}

function addFormats (ajv: Ajv, parts: readonly ObjectSubschema[], vocabulary: Vocabulary): void {
  for (const { schema: { format } } of parts) {
    if (typeof format === 'string') ajv.addFormat(format, vocabulary.formatOf(format).definition as never)
  }
}

const OPTIONS = {
  strict: false,
  strictNumbers: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  validateSchema: false,
  logger: false,
  next: true,
  // The patterns of property names.
  code: { regExp: Object.assign((pattern: string) => expressionOf(pattern), { code: 'expressionOf' }) }
}

/**
 * The options of an Ajv that is compiled when its first message has arrived: the code is not made
 * smaller, which would take most of the time.
 */
export const COMPILED_LATE: AjvOptions = { code: { ...OPTIONS.code, optimize: false } }

/** The means by which a document is translated. */
interface Translator {
  readonly references: References
  readonly vocabulary: Vocabulary
  readonly name: (part: Subschema) => string
  readonly takes: (keyword: string) => boolean
}

// A document's $id may be anything, and so may those within it: Ajv is given numbers and pointers.
function nameOf ({ uri }: Subschema, documents: ReadonlyArray<[string, Subschema]>): string {
  const start = uri.lastIndexOf('#')
  return `document${documents.findIndex(([name]) => name === uri.slice(0, start + 1))}${uri.slice(start)}`
}

/**
 * A document as Ajv takes it: every reference by its place, the app's own checks as a keyword, and
 * no keyword that Ajv does not know.
 */
function translate (document: Subschema, translator: Translator): Schema {
  return rewriteSchemas(document, (copy, part) => translateSchema(copy, part, translator)) as Schema
}

function translateSchema (copy: Record<PropertyKey, unknown>, part: ObjectSubschema, translator: Translator): Schema {
  const { references, vocabulary, name, takes } = translator
  const own = ownChecksOf(part, vocabulary)
  const checks = own.length > 0 ? { [OWN]: own } : {}
  const kept = Object.entries(copy).filter(([keyword]) => takes(keyword) && !LEFT_OUT.has(keyword))
  // Beside a kind, keywords are parameters of the app's check, but for those that the app gave to
  // Ajv.
  if (vocabulary.kindOf(part) !== undefined) {
    return { ...Object.fromEntries(kept.filter(([keyword]) => vocabulary.isOwnKeyword(keyword))), ...checks }
  }
  const reference = part.get('$ref') === undefined ? {} : { $ref: name(references.resolve(part)) }
  return { ...Object.fromEntries(kept), ...reference, ...checks }
}

const LEFT_OUT = new Set(['$id', '$schema', '$anchor', '$vocabulary', '$comment'])
const OWN = 'fastify-typed-ws'

// A keyword that the app gave stays.
function addKeywords (ajv: Ajv, vocabulary: Vocabulary): void {
  for (const definition of KEYWORDS) {
    const names = [definition.keyword].flat()
    if (names.some((name) => vocabulary.isAjvKeyword(name))) continue
    for (const name of names) ajv.removeKeyword(name)
    ajv.addKeyword(definition)
  }
}

/**
 * The default export of a CommonJS module: Node gives the module, bundlers and Bun give the export.
 */
export function definitionOf<D extends CodeKeywordDefinition> (imported: { default: D } | D): D {
  return 'default' in imported ? imported.default : imported
}

const KEYWORDS: readonly KeywordDefinition[] = [
  // The keyword of Ajv compares every item with every other: a message of 64 KiB would take
  // seconds.
  {
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    errors: false,
    validate: (isWanted: boolean, value: unknown[]) => !isWanted || hasUniqueItems(value),
    error: { message: 'must NOT have duplicate items' }
  },
  {
    keyword: 'multipleOf',
    type: 'number',
    schemaType: 'number',
    before: 'format',
    errors: false,
    validate: (divisor: number, value: number) => isMultipleOf(value, divisor),
    error: { message: ({ schema }) => str`must be multiple of ${schema}` }
  },
  {
    keyword: 'pattern',
    type: 'string',
    schemaType: ['string', 'object'],
    before: 'format',
    errors: false,
    compile: (pattern: string | RegExp) => {
      const expression = expressionOf(pattern)
      return (value: string) => expression.test(value)
    },
    error: { message: ({ schema }) => str`must match pattern "${schema instanceof RegExp ? schema.source : schema}"` }
  },
  // Tuples of draft-07 and of 2020-12.
  {
    ...definitionOf(items),
    schemaType: ['object', 'array', 'boolean'],
    error: definitionOf(items2020).error!,
    code: (context) => definitionOf(Array.isArray(context.schema) ? items : items2020).code(context)
  },
  definitionOf(prefixItems),
  definitionOf(dependentRequired),
  definitionOf(dependentSchemas),
  definitionOf(limitContains),
  definitionOf(unevaluatedItems),
  definitionOf(unevaluatedProperties),
  // The last keyword: a refinement is asked only of values that fit the rest of its schema.
  { keyword: OWN, post: true, validate: refine }
]

function refine (checks: readonly OwnCheck[], value: unknown): boolean {
  const failed = checks.find(({ check }) => !check(value))
  if (failed !== undefined) (refine as AjvCheck).errors = [{ keyword: OWN, message: failed.explain(value) }]
  return failed === undefined
}
