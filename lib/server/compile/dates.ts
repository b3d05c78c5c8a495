import { DECLARING_IN_PLACE } from '../../schema/keywords.js'
import type { References } from '../../schema/references.js'
import type { Subschema } from '../../schema/subschema.js'
import type { Vocabulary } from './vocabulary.js'

/**
 * Replaces the dates in a value by their texts, in a copy. A value without dates is returned as it
 * is.
 */
export type DateWriter = (value: unknown) => unknown

type WriteDate = (date: Date) => string

const PROPERTIES = ['additionalProperties', 'unevaluatedProperties']

/**
 * Finds the places where a schema wants the text of a date, for which an app may send a Date, as
 * over HTTP.
 *
 * @returns `undefined` when there is none.
 */
export function compileDates (references: References, vocabulary: Vocabulary): DateWriter | undefined {
  if (!references.reachable().some((part) => isDate(part))) return undefined
  const writers = new Map<string, WriteDate>()
  const writerOf = (format: string): WriteDate => {
    const writer = writers.get(format) ?? createWriter(format, vocabulary)
    writers.set(format, writer)
    return writer
  }
  const write = (value: unknown, parts: readonly Subschema[]): unknown => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
    const layers = layersOf(parts, value, references)
    if (value instanceof Date) return writeDate(value, layers, writerOf)
    const membersOf = Array.isArray(value) ? itemParts : propertyParts
    return writeMembers(value, keysOf(value, layers), (member, key) => write(member, layers.flatMap((part) => membersOf(part, key))))
  }
  return (value) => write(value, [references.root])
}

function isDate ({ schema }: Subschema): boolean {
  const { type, format } = Object(schema) as Readonly<Record<string, unknown>>
  return [type].flat().includes('string') && WRITERS.has(format as string)
}

function writeDate (date: Date, layers: readonly Subschema[], writerOf: (format: string) => WriteDate): unknown {
  const part = layers.find(isDate)
  return part === undefined ? date : writerOf(part.get('format') as string)(date)
}

/** The members of a value: its own ones, and those that its class declares by a getter. */
function keysOf (value: object, layers: readonly Subschema[]): string[] {
  if (Array.isArray(value)) return Array.from(value, (_, index) => String(index))
  const declared = layers.flatMap((part) => Object.keys(part.get('properties') ?? {}))
  return [...new Set([...Object.keys(value), ...declared.filter((key) => key in value)])]
}

// A copy is made where a member has changed.
function writeMembers (value: object, keys: readonly string[], write: (member: unknown, key: string) => unknown): object {
  const members = keys.map((key) => (value as Record<string, unknown>)[key])
  const written = members.map((member, n) => write(member, keys[n]!))
  if (written.every((member, n) => member === members[n])) return value
  return Array.isArray(value) ? written : Object.fromEntries(keys.map((key, n) => [key, written[n]]))
}

/** Every schema that may hold for a value, without the branches whose literals exclude it. */
function layersOf (parts: readonly Subschema[], value: object, references: References): Subschema[] {
  const layers = new Map<string, Subschema>()
  const pending = [...parts]
  for (const part of pending) {
    if (layers.has(part.uri)) continue
    layers.set(part.uri, part)
    if (part.get('$ref') !== undefined) pending.push(references.resolve(part))
    const members = DECLARING_IN_PLACE.flatMap((keyword) => part.subschemas(keyword))
    pending.push(...members.filter((member) => canHold(member, value, references)))
  }
  return [...layers.values()]
}

function canHold (part: Subschema, value: object, references: References): boolean {
  const target = part.get('$ref') === undefined ? part : references.resolve(part)
  return Object.keys(target.get('properties') ?? {}).every((key) => {
    const property = target.child('properties')!.child(key)!
    const literals = [property.get('enum') ?? property.get('const')].flat()
    return literals[0] === undefined || literals.includes((value as Record<string, unknown>)[key])
  })
}

function propertyParts (part: Subschema, key: string): Subschema[] {
  const named = part.child('properties')?.child(key)
  const others = [...part.subschemas('patternProperties'), ...PROPERTIES.flatMap((keyword) => part.subschemas(keyword))]
  return named === undefined ? others : [named]
}

function itemParts (part: Subschema, index: string): Subschema[] {
  const isTuple = Array.isArray(part.get('items'))
  const lists = [part.child('prefixItems'), isTuple ? part.child('items') : undefined]
  const first = lists.flatMap((list) => list?.child(index) ?? [])
  if (first.length > 0) return first
  return part.subschemas(isTuple ? 'additionalItems' : 'items')
}

/** The formats in which fast-json-stringify writes a Date, and its texts. */
const WRITERS: ReadonlyMap<string, WriteDate> = new Map([
  ['date-time', (date) => date.toISOString()],
  ['date', (date) => local(date).slice(0, 10)],
  ['time', (date) => local(date).slice(11, 19)]
])

// A time of RFC 3339 has an offset, and the time that Fastify writes over HTTP has none: it is
// added unless the app's own format takes a time without.
function createWriter (format: string, vocabulary: Vocabulary): WriteDate {
  const write = WRITERS.get(format)!
  const check = vocabulary.formatOf(format).check as (text: string) => boolean
  return format === 'time' ? (date) => check(write(date)) ? write(date) : `${write(date)}${offsetOf(date)}` : write
}

function local (date: Date): string {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString()
}

function offsetOf (date: Date): string {
  const minutes = -date.getTimezoneOffset()
  const two = (count: number): string => String(Math.trunc(Math.abs(count))).padStart(2, '0')
  return minutes === 0 ? 'Z' : `${minutes < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`
}
