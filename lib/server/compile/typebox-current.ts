import { REFINE } from '../../schema/equality.js'
import { rewriteSchemas, type ObjectSubschema, type Subschema } from '../../schema/subschema.js'
import { buildOf } from './builds.js'
import { expressionOf, LOOSE_KEYWORDS, looseCheckOf, ownChecksOf, type OwnCheck } from './checks.js'
import { identityOf, type Check, type Line } from './line.js'
import type { Vocabulary } from './vocabulary.js'

type CompileSchema = (schema: unknown) => { Check (value: unknown): boolean }

// upstream-private: typebox ~kind
const KIND = '~kind'

/** Loads TypeBox 1.x. */
export async function loadCurrent (): Promise<Line> {
  try {
    const { Compile } = await import('typebox/compile')
    const { Format } = await import('typebox/format')
    return {
      build: buildOf({ Format }),
      made: ({ schema }) => KIND in Object(schema),
      isBeyond,
      compile: (root, vocabulary) => compile(root, vocabulary, (schema) => Compile(schema as never))
    }
  } finally {
    // A bundler lets a package be missing only where its import is awaited in a `try`.
  }
}

// 1.x counts graphemes, has tolerances of its own, and formats that Fastify's HTTP takes otherwise:
// so these keywords are checked by refinements, which 1.x calls.
function compile (root: Subschema, vocabulary: Vocabulary, compileSchema: CompileSchema): Check {
  const compiled = compileSchema(rewriteSchemas(root, (schema, part) => {
    const loose = looseCheckOf(part, vocabulary)
    const own = ownChecksOf(part, vocabulary)
    if (vocabulary.kindOf(part) !== undefined) return { ...identityOf(schema), [REFINE]: own.map(withError) }
    const checks = loose === undefined ? own : [{ check: loose }, ...own]
    if (checks.length === 0) return schema
    for (const keyword of LOOSE_KEYWORDS) delete schema[keyword]
    return Object.defineProperty(schema, REFINE, { value: checks.map(withError), enumerable: true })
  }))
  return (value) => compiled.Check(value)
}

// A refinement, by the names before 1.1.31 and since; its text is never asked for.
function withError ({ check }: Pick<OwnCheck, 'check'>): object {
  return { check, error: String, refine: check, message: '' }
}

// 1.x looks at the names of properties, which may bound a text for a pattern, after
// patternProperties.
function isBeyond ({ schema }: ObjectSubschema): boolean {
  const patterns = Object.keys(schema['patternProperties'] ?? {})
  if (patterns.some((pattern) => !expressionOf(pattern).unicode)) return true
  return 'propertyNames' in schema && 'patternProperties' in schema
}
