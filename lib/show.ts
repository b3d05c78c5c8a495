/** A value as a part of an error text: its JSON, cut, or its type where it has none. */
export function show (value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 80)
  } catch {
    return typeof value
  }
}
