/** Schemas of other libraries, known by the mark of Standard Schema 1, which all of them carry. */

const INSTEAD: Readonly<Record<string, string>> = {
  arktype: 'write schema.toJsonSchema()',
  valibot: 'write toJsonSchema(schema) of @valibot/to-json-schema',
  zod: 'write z.toJSONSchema(schema)'
}

/** Why a schema is refused: another library made it. `undefined` where none did. */
export function explainForeign (schema: unknown): string | undefined {
  const vendor = vendorOf(schema)
  return vendor && `a schema of ${vendor} is no JSON Schema: ${INSTEAD[vendor] ?? 'write its JSON Schema'}, or write it with TypeBox`
}

// ArkType's schemas are functions.
function vendorOf (schema: unknown): string | undefined {
  if ((typeof schema !== 'object' && typeof schema !== 'function') || schema === null) return undefined
  const { vendor } = Object((schema as Readonly<Record<string, unknown>>)['~standard']) as Readonly<Record<string, unknown>>
  return typeof vendor === 'string' ? vendor : undefined
}
