/** A text, or an empty one in place of anything else. */
export function textOf (value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The texts that are there, in one. */
export function joined (separator: string, ...texts: ReadonlyArray<string | false | undefined>): string {
  return texts.filter(Boolean).join(separator)
}
