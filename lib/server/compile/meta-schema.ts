import type { ErrorObject, ValidateFunction } from 'ajv'
import { rewriteSchemas, type Schema, type Subschema } from '../../schema/subschema.js'
import type { References } from '../../schema/references.js'
import { expressionOf } from './checks.js'
import { createAjv, type Vocabulary } from './vocabulary.js'

/**
 * Judges the schema of a message, and every shared schema that it refers to, by the schema of
 * schemas. Validators do not: TypeBox takes `minLength: 'text'` for no limit at all.
 *
 * @throws when a keyword has a value that it cannot have.
 */
export function refuseMalformed (references: References, vocabulary: Vocabulary): void {
  validator ??= createValidator()
  for (const document of references.documents().values()) {
    if (validator(validatable(document, vocabulary))) continue
    const name = document === references.root ? 'data' : document.uri
    throw new Error(`schema is invalid: ${validator.errors!.map((error) => explainError(error, name)).join(', ')}`)
  }
}

function explainError ({ keyword, instancePath, message }: ErrorObject, name: string): string {
  return `${name}${instancePath} ${keyword === 'format' ? 'must be a regular expression' : message}`
}

// Compiling the schema of schemas takes ten times as long as compiling a message's.
let validator: ValidateFunction | undefined

function createValidator (): ValidateFunction {
  const ajv = createAjv({ customOptions: { strict: false, validateSchema: false } })
  ajv.addFormat('regex', isExpression)
  // Not by `getSchema`, which would compile it.
  const draft07 = ajv.schemas[DRAFT_07]!.schema as Schema & { properties: Schema }
  const properties = withoutAnnotations({ ...draft07.properties, ...OTHER_KEYWORDS })
  return ajv.compile({ ...draft07, $id: 'fastify-typed-ws', properties })
}

const DRAFT_07 = 'http://json-schema.org/draft-07/schema'

function isExpression (pattern: string): boolean {
  try {
    return Boolean(expressionOf(pattern))
  } catch {
    return false
  }
}

/**
 * Keywords after draft-07, one of OpenAPI, and those of draft-07 for which TypeBox writes an empty
 * list: Type.Tuple([]), Type.Enum([]).
 */
const OTHER_KEYWORDS = {
  $defs: { $ref: '#/properties/definitions' },
  dependentRequired: { type: 'object', additionalProperties: { $ref: '#/definitions/stringArray' } },
  dependentSchemas: { $ref: '#/properties/definitions' },
  enum: { type: 'array', uniqueItems: true },
  items: { anyOf: [{ $ref: '#' }, { type: 'array', items: { $ref: '#' } }] },
  maxContains: { $ref: '#/definitions/nonNegativeInteger' },
  minContains: { $ref: '#/definitions/nonNegativeInteger' },
  nullable: { type: 'boolean' },
  prefixItems: { type: 'array', items: { $ref: '#' } },
  unevaluatedItems: { $ref: '#' },
  unevaluatedProperties: { $ref: '#' }
}

// An annotation may be anything: it changes no verdict.
function withoutAnnotations (properties: Schema): Schema {
  return Object.fromEntries(Object.entries(properties).filter(([keyword]) => !ANNOTATIONS.has(keyword)))
}

const ANNOTATIONS = new Set(['contentEncoding', 'contentMediaType', 'default', 'description', 'examples', 'readOnly', 'title'])

/**
 * A document without names and references, which are looked at elsewhere, and without schemas that
 * only the app reads.
 */
function validatable (document: Subschema, vocabulary: Vocabulary): unknown {
  return rewriteSchemas(document, (copy, part) => {
    if (vocabulary.kindOf(part) !== undefined) return {}
    for (const keyword of IDENTIFIERS) delete copy[keyword]
    if (copy['pattern'] instanceof RegExp) copy['pattern'] = copy['pattern'].source
    return copy
  })
}

const IDENTIFIERS = ['$id', '$schema', '$anchor', '$comment', '$ref', '$vocabulary']
