/** Schemas of other libraries, which all carry the mark of Standard Schema 1. */

const INSTEAD: Readonly<Record<string, string>> = {
  arktype: 'write schema.toJsonSchema()',
  valibot: 'write toJsonSchema(schema) of @valibot/to-json-schema',
  zod: 'write z.toJSONSchema(schema)'
}

/** The reason why a schema of another library is refused; `undefined` for any other schema. */
export function explainForeign (schema: unknown): string | undefined {
  const vendor = vendorOf(schema)
  return vendor && `a schema of ${vendor} is no JSON Schema: ${INSTEAD[vendor] ?? 'write its JSON Schema'}, or write it with TypeBox`
}

// A schema of ArkType is a function.
function vendorOf (schema: unknown): string | undefined {
  if ((typeof schema !== 'object' && typeof schema !== 'function') || schema === null) return undefined
  const { vendor } = Object((schema as Readonly<Record<string, unknown>>)['~standard']) as Readonly<Record<string, unknown>>
  return typeof vendor === 'string' ? vendor : undefined
}
