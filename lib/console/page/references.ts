import { isRecord } from '../../record.js'
import { attempt } from './attempt.js'

export type Data = Readonly<Record<string, unknown>>

const MAX_STEPS = 32

/**
 * Follows the local references of a document: gives the value itself, where it is none, and any
 * schema where one leads nowhere.
 */
export type Resolve = (value: unknown) => unknown

export function resolverOf (document: unknown): Resolve {
  return (value) => resolve(value, 0)

  function resolve (value: unknown, steps: number): unknown {
    const { $ref } = recordOf(value)
    if (typeof $ref !== 'string') return value
    const [start, ...tokens] = $ref.split('/')
    const found = tokens.reduce((at: unknown, token) => {
      const key = decode(token).replaceAll('~1', '/').replaceAll('~0', '~')
      return Object.hasOwn(at ?? {}, key) ? (at as Data)[key] : {}
    }, start === '#' ? document : {})
    return steps < MAX_STEPS ? resolve(found, steps + 1) : {}
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

/** An object, or an empty one. */
export function recordOf (value: unknown): Data {
  return isRecord(value) ? value : {}
}

// A percent sign of a foreign document may stand for itself.
function decode (token: string): string {
  return attempt(() => decodeURIComponent(token), token)
}
