import { isRecord } from '../../record.js'

export type Data = Readonly<Record<string, unknown>>

const MAX_STEPS = 32

/** The local references of a document. */
export class References {
  readonly #document: unknown

  constructor (document: unknown) {
    this.#document = document
  }

  /** The value itself, where it is a reference; any schema where that leads nowhere. */
  resolve (value: unknown): unknown {
    let at = value
    for (let steps = 0; isRecord(at) && typeof at['$ref'] === 'string'; steps++) {
      at = steps < MAX_STEPS ? this.#find(at['$ref']) : {}
    }
    return at
  }

  /** The same, down a path, where only an object makes sense. */
  object (value: unknown, ...path: readonly string[]): Data {
    const found = this.resolve(value)
    const [key, ...rest] = path
    const object = isRecord(found) ? found : {}
    return key === undefined ? object : this.object(object[key], ...rest)
  }

  #find (ref: string): unknown {
    let at: unknown = ref.startsWith('#') ? this.#document : {}
    for (const token of ref.split('/').slice(1)) {
      const key = decode(token).replaceAll('~1', '/').replaceAll('~0', '~')
      const isThere = (isRecord(at) || Array.isArray(at)) && Object.hasOwn(at, key)
      at = isThere ? (at as Data)[key] : {}
    }
    return at
  }
}

/** The last part of a reference. */
export function refName (ref: string): string {
  return decode(ref.slice(ref.lastIndexOf('/') + 1))
}

/** A list, or none. */
export function listOf (value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

// A percent sign of a foreign document may stand for itself.
function decode (token: string): string {
  try {
    return decodeURIComponent(token)
  } catch {
    return token
  }
}
