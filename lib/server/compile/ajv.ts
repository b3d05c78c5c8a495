import { str, type Ajv, type CodeKeywordDefinition, type KeywordDefinition } from 'ajv'
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
import { rewriteSchemas, type Subschema, type References, type Schema, type SchemaPart } from '../../schema/schema.js'
import { createAjv, type Vocabulary } from './vocabulary.js'

export type AjvCheck = ((value: unknown) => boolean) & { errors?: readonly AjvError[] | null }

/**
 * Opens an Ajv for one message's schema, which compiles the schema or any part of it. Each schema has an Ajv of its own, so that two of them may call
 * different things by one `$id`.
 *
 * @param options - of Ajv, over the app's.
 */
export function openAjv (references: References, vocabulary: Vocabulary, options: Readonly<Record<string, unknown>> = {}): (part: Subschema) => AjvCheck {
  const documents = [...references.documents()]
  const parts = references.reachable()
  const { customOptions = {}, plugins = [] } = vocabulary.ajv
  const tracking = { unevaluated: parts.some(({ schema }) => 'unevaluatedProperties' in schema || 'unevaluatedItems' in schema) }
  // An app that wants defaults to be filled in hears of those that cannot be.
  const strictness = { strictSchema: Boolean(customOptions['useDefaults']) }
  const ajv = createAjv({ customOptions: { ...customOptions, ...OPTIONS, ...tracking, ...strictness, ...options }, plugins })
  addKeywords(ajv, vocabulary)
  for (const { schema } of parts) if (typeof schema['format'] === 'string') ajv.addFormat(schema['format'], vocabulary.formatOf(schema['format']).definition as never)
  const translator: Translator = { references, vocabulary, name: (part) => nameOf(part, documents), takes: (keyword) => Object.hasOwn(ajv.RULES.keywords, keyword) }
  for (const [, document] of documents) ajv.addSchema(translate(document, translator), translator.name(document).slice(0, -1))
  return (part) => ajv.compile({ $ref: translator.name(part) }) as AjvCheck
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
  // Of the names of properties.
  code: { regExp: Object.assign((pattern: string) => expressionOf(pattern), { code: 'expressionOf' }) }
}

/** What a document is translated by. */
interface Translator {
  readonly references: References
  readonly vocabulary: Vocabulary
  readonly name: (part: Subschema) => string
  readonly takes: (keyword: string) => boolean
}

// A document's $id may be anything, and so may those within it: Ajv knows all by numbers and pointers.
function nameOf ({ uri }: Subschema, documents: ReadonlyArray<[string, Subschema]>): string {
  const start = uri.lastIndexOf('#')
  return `document${documents.findIndex(([name]) => name === uri.slice(0, start + 1))}${uri.slice(start)}`
}

/** A document as Ajv takes it: every reference by its place, checks of the app's own as a keyword, and nothing that Ajv does not know. */
function translate (document: Subschema, translator: Translator): Schema {
  return rewriteSchemas(document, (copy, part) => translateSchema(copy, part, translator)) as Schema
}

function translateSchema (copy: Record<PropertyKey, unknown>, part: SchemaPart, { references, vocabulary, name, takes }: Translator): Schema {
  const own = ownChecksOf(part, vocabulary)
  const checks = own.length > 0 ? { [OWN]: own } : {}
  // The app's check of a kind is all there is to it.
  if (vocabulary.kindOf(part) !== undefined) return checks
  const kept = Object.entries(copy).filter(([keyword]) => takes(keyword) && !LEFT_OUT.has(keyword))
  const reference = part.get('$ref') === undefined ? {} : { $ref: name(references.resolve(part)) }
  return { ...Object.fromEntries(kept), ...reference, ...checks }
}

const LEFT_OUT = new Set(['$id', '$schema', '$anchor', '$vocabulary', '$comment'])
const OWN = 'fastify-typed-ws'

/** @throws when a schema is none, as seen by the schema of schemas. */
export function judgeSchema (references: References, vocabulary: Vocabulary): void {
  judge ??= createAjv({})
  const translator: Translator = { references, vocabulary, name: () => '#', takes: () => true }
  void judge.validateSchema(rewriteSchemas(references.root, (copy, part) => withoutExpressions(translateSchema(copy, part, translator))) as Schema, true)
}

function withoutExpressions (schema: Schema): Schema {
  return schema['pattern'] instanceof RegExp ? { ...schema, pattern: schema['pattern'].source } : schema
}

// Compiling the schema of schemas takes ten times what compiling a message's does.
let judge: Ajv | undefined

// The app's own keywords stay.
function addKeywords (ajv: Ajv, vocabulary: Vocabulary): void {
  for (const definition of KEYWORDS) {
    const names = [definition.keyword].flat()
    if (names.some((name) => vocabulary.isAjvKeyword(name))) continue
    for (const name of names) ajv.removeKeyword(name)
    ajv.addKeyword(definition)
  }
}

/** The default export of a CommonJS module: Node gives the module, bundlers and Bun what it exports. */
export function definitionOf<Definition extends CodeKeywordDefinition> (imported: { default: Definition } | Definition): Definition {
  return 'default' in imported ? imported.default : imported
}

const KEYWORDS: readonly KeywordDefinition[] = [
  // Ajv's own compares every item with every other: a message of 64 KiB would take seconds.
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
  // After all others: a refinement is asked only of values that are as the rest of its schema says.
  { keyword: OWN, post: true, validate: refine }
]

function refine (checks: readonly OwnCheck[], value: unknown): boolean {
  const failed = checks.find(({ check }) => !check(value))
  if (failed !== undefined) (refine as AjvCheck).errors = [{ keyword: OWN, message: failed.explain(value) }]
  return failed === undefined
}
