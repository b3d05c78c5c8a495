/** Names of a document's parts: identifiers, for tools that make code of them. */

/** `chat.v1` becomes `ChatV1`; signs that no identifier has are left out. */
export function pascalCase (text: string): string {
  return text.split(/[^A-Za-z0-9]+/).map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

/** `ClientMessage` becomes `clientMessage`. */
export function lowerFirst (text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** A name that is an identifier also when there is nothing in it, or a digit in front. */
export function identifier (text: string): string {
  return /^[A-Za-z_]/.test(text) ? text : `_${text}`
}

/** Names that differ from each other. */
export class Names {
  readonly #taken: Set<string> = new Set()

  has (name: string): boolean {
    return this.#taken.has(name)
  }

  /** The name, with a number behind it when it is taken. */
  take (wanted: string): string {
    const name = identifier(wanted)
    let free = name
    for (let n = 2; this.#taken.has(free); n++) free = `${name}_${n}`
    this.#taken.add(free)
    return free
  }
}
