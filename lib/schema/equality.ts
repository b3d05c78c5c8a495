// upstream-private: @sinclair/typebox TypeBox.Kind, TypeBox.Transform
// upstream-private: typebox ~refine, ~codec

/** The key of a schema's kind in TypeBox 0.34. */
export const KIND: unique symbol = Symbol.for('TypeBox.Kind') as never
/** The kinds of 0.34 that JSON Schema says in full; Type.Unsafe has a kind of its own. */
export const LEGACY_KINDS: ReadonlySet<string> = new Set([
  'Any', 'Array', 'Boolean', 'Import', 'Integer', 'Intersect', 'Literal', 'Never', 'Not', 'Null', 'Number', 'Object', 'Record',
  'Ref', 'String', 'TemplateLiteral', 'This', 'Tuple', 'Union', 'Unknown'
])

/** The keys under which a schema of TypeBox 1.x keeps check functions of the app. */
export const REFINE = '~refine'
export const GUARD = '~guard'
/** The keys of conversions: Type.Transform of 0.34, Type.Codec of 1.x. */
export const CODECS: ReadonlyArray<string | symbol> = [Symbol.for('TypeBox.Transform'), '~codec']

// Fastify's copy of a shared schema has lost all of them.
const HIDDEN = [KIND, REFINE, GUARD, ...CODECS]

/**
 * Tells whether two schemas of one message mean the same. That one is optional is its object's to
 * say.
 */
export function isSame (one: unknown, other: unknown): boolean {
  return isEqual(one, other, HIDDEN)
}

/** Tells whether a schema and Fastify's copy of one say the same. */
export function isCopy (schema: unknown, copy: unknown): boolean {
  return isEqual(schema, copy, [])
}

function isEqual (one: unknown, other: unknown, hidden: ReadonlyArray<string | symbol>): boolean {
  if (one === other) return true
  if (!isObject(one) || !isObject(other)) return false
  if (one instanceof RegExp) return other instanceof RegExp && String(one) === String(other)
  const keys = Object.keys(one).filter(isPublic)
  return keys.length === Object.keys(other).filter(isPublic).length &&
    [...keys, ...hidden].every((key) => isEqual(one[key], other[key], hidden))
}

function isPublic (key: string): boolean {
  return !key.startsWith('~')
}

function isObject (value: unknown): value is Readonly<Record<string | symbol, unknown>> {
  return typeof value === 'object' && value !== null
}
