import { escaped } from '../../pattern.js'
import { REF } from '../../protocol.js'
import type { Subschema } from '../../schema/subschema.js'

/**
 * The text of a message whose properties stand in the order of its schema, behind its name, and
 * hold neither objects nor arrays, without spaces and escapes: as JSON.stringify writes nearly all
 * messages. The `ref` of a call stands in front of them or behind; an event with one is not flat.
 * One regular expression reads the text faster than a JSON parser does, and reads the same.
 */
export interface FlatText {
  /** Matches the whole text. */
  readonly pattern: RegExp
  readonly refOf: (match: RegExpExecArray) => number | undefined
  readonly payloadOf: (match: RegExpExecArray) => Record<string, unknown>
}

/** The way a value stands in a text, with one group, and the code that reads the group. */
interface Form {
  readonly source: string
  readonly read: (group: string) => string
}

interface Property {
  readonly key: string
  readonly isRequired: boolean
  readonly form: Form
}

// RFC 8259 §6 and §7
const NUMBER = String.raw`-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?`
const LETTERS = String.raw`[^"\\\x00-\x1f]*`
const NUMBER_FORM: Form = { source: `(${NUMBER})`, read: (group) => `+${group}` }
const FORMS: Readonly<Record<string, Form>> = {
  string: { source: `"(${LETTERS})"`, read: (group) => group },
  number: NUMBER_FORM,
  integer: NUMBER_FORM,
  boolean: { source: '(true|false)', read: (group) => `${group} === 'true'` }
}
const SCALAR: Form = { source: `("${LETTERS}"|true|false|null|${NUMBER})`, read: (group) => `JSON.parse(${group})` }
// Fifteen digits are a safe integer.
const REF_SOURCE = String.raw`(?:,"${REF}":([1-9]\d{0,14}))?`
// The groups of a call: a `ref`, the properties, and another `ref`.
const FIRST_REF = 1
// A longer pattern gains less.
const MAX_PROPERTIES = 32

/**
 * Compiles the pattern of a message's text.
 * @param root - the schema of its payload.
 * @param hasRef - for a call.
 * @returns `undefined` when its texts are never flat.
 */
export function compileFlatText (root: Subschema, discriminator: string, name: string, hasRef: boolean): FlatText | undefined {
  const properties = propertiesOf(root)
  if (properties === undefined || properties.length > MAX_PROPERTIES) return undefined
  const members = properties.map(({ key, isRequired, form }) => {
    const source = `,${escaped(JSON.stringify(key))}:${form.source}`
    return isRequired ? source : `(?:${source})?`
  })
  const opening = escaped(`{${JSON.stringify(discriminator)}:${JSON.stringify(name)}`)
  const ref = hasRef ? REF_SOURCE : ''
  const first = hasRef ? FIRST_REF + 1 : FIRST_REF
  return {
    pattern: new RegExp(`^${opening}${ref}${members.join('')}${ref}\\}$`),
    refOf: hasRef ? refReader(first + properties.length) : noRef,
    payloadOf: generateReader(properties, first)
  }
}

// Of two, JSON takes the last.
function refReader (lastGroup: number): FlatText['refOf'] {
  return (match) => {
    const ref = match[lastGroup] ?? match[FIRST_REF]
    return ref === undefined ? undefined : Number(ref)
  }
}

function noRef (): undefined {}

function propertiesOf (root: Subschema): Property[] | undefined {
  const place = root.child('properties')
  if (place === undefined) return undefined
  const required = [root.get('required') ?? []].flat()
  const properties: Property[] = []
  for (const key of Object.keys(place.schema as object)) {
    const type = place.child(key)!.get('type')
    const isRequired = required.includes(key)
    const isFlat = type !== 'object' && type !== 'array'
    // The name of a setter, in a literal too.
    if (key === '__proto__' || (isRequired && !isFlat)) return undefined
    if (isFlat) properties.push({ key, isRequired, form: FORMS[String(type)] ?? SCALAR })
  }
  return properties
}

function generateReader (properties: readonly Property[], first: number): FlatText['payloadOf'] {
  const values = properties.map(({ key, isRequired, form }, n) => {
    const group = `m[${n + first}]`
    return { name: JSON.stringify(key), isRequired, group, value: form.read(group) }
  })
  // A literal has one shape. Behind the first property that may be missing, each is set by itself.
  const optional = values.findIndex(({ isRequired }) => !isRequired)
  const certain = optional === -1 ? values : values.slice(0, optional)
  const rest = values.slice(certain.length)
  const source = `return function (m) {
    const p = { ${certain.map(({ name, value }) => `${name}: ${value}`).join()} }
    ${rest.map(({ name, group, value }) => `if (${group} !== undefined) p[${name}] = ${value}`).join('\n')}
    return p
  }`
  // oxlint-disable-next-line no-implied-eval -- code made of a schema, never of a message
  return new Function(source)() as FlatText['payloadOf'] // eslint-disable-line no-new-func -- as above
}
