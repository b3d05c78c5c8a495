/** Tells an object that is neither null nor an array: a JSON object, or a schema. */
export function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
