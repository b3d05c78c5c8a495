import { Ajv, type FuncKeywordDefinition } from 'ajv'
import ajvFormats from 'ajv-formats'
import { refuseAsync } from './asynchrony.js'
import type { Build, FormatCheck, KindCheck } from './builds.js'
import { KIND, LEGACY_KINDS } from '../../schema/equality.js'
import type { References } from '../../schema/references.js'
import { at, type ObjectSubschema } from '../../schema/subschema.js'
import { ajvFormat, boundCheck, linearFormats, type FormatDefinition } from './formats.js'

/** Fastify's option `ajv`. */
export interface AjvSettings {
  readonly customOptions?: Readonly<Record<string, unknown>>
  readonly plugins?: readonly unknown[]
}

/** A format, for every validator. */
export interface Format {
  readonly type: 'string' | 'number'
  readonly check: (value: never) => boolean
  /** The definition that Ajv takes. */
  readonly definition: unknown
}

type Plugin = (ajv: Ajv, options?: unknown) => unknown

/** The names that a schema may use: one meaning each, whichever validator reads it. */
export class Vocabulary {
  readonly ajv: AjvSettings
  /**
   * The app's options change JSON Schema's own keywords, so that Ajv has to check every message.
   */
  readonly isAjvs: boolean
  readonly #builds: readonly Build[]
  readonly #isStrict: boolean
  readonly #own: Ajv | undefined

  /** @throws when the check of a keyword is asynchronous, and does not say so. */
  constructor (builds: readonly Build[], ajv: AjvSettings) {
    const { customOptions = {}, plugins = [] } = ajv
    this.ajv = ajv
    const changes = Object.entries(customOptions).filter(([, value]) => value !== false && value !== undefined)
    this.isAjvs = changes.some(([name]) => !NEUTRAL.has(name))
    this.#builds = builds
    this.#isStrict = customOptions['strict'] !== false && customOptions['strictSchema'] !== false
    this.#own = plugins.length > 0 || Object.keys(customOptions).length > 0 ? createAjv(ajv) : undefined
    for (const name of Object.keys(this.#own?.RULES.keywords ?? {})) this.#refuseAsyncKeyword(name)
  }

  /**
   * The check of a kind of the app's own; `undefined` for the kinds of TypeBox, and for
   * Type.Unsafe.
   * @throws when a kind is known to no build of TypeBox, or its check is asynchronous.
   */
  kindOf (part: ObjectSubschema): KindCheck | undefined {
    const kind = (part.schema as Readonly<Record<symbol, unknown>>)[KIND]
    if (typeof kind !== 'string' || LEGACY_KINDS.has(kind)) return undefined
    const check = one(`kind '${kind}'`, 'TypeRegistry.Set', this.#builds.map(({ kinds }) => kinds?.Get(kind)))
    if (check === undefined && kind !== 'Unsafe') throw new Error(explainUnknownKind(kind, at(part)))
    refuseAsync(`the check of kind '${kind}'${at(part)}`, check)
    return check
  }

  /** @throws when a format is not known, is known differently to two, or is asynchronous. */
  formatOf (name: string): Format {
    const registered = one(`format '${name}'`, 'FormatRegistry.Set', this.#builds.map((build) => ownFormat(build, name)))
    const given = this.#givenFormat(name)
    if (registered !== undefined && given !== undefined && checkOf(given) !== registered) {
      throw new Error(`format '${name}' is registered with TypeBox and given by the option ajv: keep one of them`)
    }
    const format = registered ?? given ?? linearFormats.get(name) ?? ajvFormat(name) ?? this.#defaultFormat(name)
    if (format === undefined) throw new Error(explainUnknownFormat(name))
    const check = checkOf(format)
    refuseAsync(`format '${name}'`, check, Object(format).async)
    return { type: Object(format).type ?? 'string', check, definition: format }
  }

  /** Tells whether Ajv alone reads a keyword: one of the app's own, or of ajv-formats. */
  isAjvKeyword (name: string): boolean {
    return FORMAT_LIMITS.has(name) || this.isOwnKeyword(name)
  }

  /** @throws when a schema has an unknown keyword: a typing error would check nothing. */
  refuseUnknown (references: References): void {
    for (const part of references.reachable()) {
      if (this.kindOf(part) !== undefined || !this.#isStrict) continue
      const unknown = Object.keys(part.schema).find((name) => !this.isKnown(name))
      if (unknown === undefined) continue
      throw new Error(`unknown keyword "${unknown}"${at(part)}: correct it, or write 'x-${unknown}' for an annotation`)
    }
  }

  /** Tells whether a keyword is one of JSON Schema's, of the app's own, or an annotation. */
  isKnown (name: string): boolean {
    if (KEYWORDS.has(name) || name.startsWith('x-') || name.startsWith('~') || FORMAT_LIMITS.has(name)) return true
    // upstream-private: ajv Ajv#RULES
    return this.#own?.RULES.keywords[name] === true
  }

  /** Tells whether the app gave a keyword, or replaced one of JSON Schema's. */
  isOwnKeyword (name: string): boolean {
    const own = this.#own?.getKeyword(name)
    if (typeof own !== 'object') return false
    standard ??= createAjv({})
    const other = standard.getKeyword(name)
    return typeof other !== 'object' || WORK.some((key) => (own as FuncKeywordDefinition)[key] !== (other as FuncKeywordDefinition)[key])
  }

  // Ajv itself refuses a keyword that says that it is asynchronous, where a message uses it.
  #refuseAsyncKeyword (name: string): void {
    const { async, validate } = Object(this.#own!.getKeyword(name)) as FuncKeywordDefinition
    if (async !== true) refuseAsync(`keyword '${name}'`, validate)
  }

  #givenFormat (name: string): FormatDefinition | undefined {
    const formats = this.#own?.formats
    if (formats === undefined || !Object.hasOwn(formats, name)) return undefined
    const format = formats[name] as FormatDefinition
    return format === ajvFormat(name) ? undefined : format
  }

  #defaultFormat (name: string): FormatCheck | undefined {
    const check = this.#builds.map(({ formats }) => formats?.Get(name)).find((check) => check !== undefined)
    return check && boundCheck(name, check)
  }
}

/** Makes an Ajv as Fastify makes its own, with the app's plugins and formats. */
export function createAjv ({ customOptions = {}, plugins = [] }: AjvSettings): Ajv {
  const ajv = new Ajv(customOptions)
  const calls = plugins.map((plugin) => [plugin].flat() as [Plugin, unknown])
  for (const [plugin, options] of calls) plugin(ajv, options)
  if (!calls.some(([{ name }]) => name === 'formatsPlugin')) ajvFormats.default(ajv)
  // ajv-formats has replaced the app's formats of the same names.
  for (const [name, format] of Object.entries(customOptions['formats'] ?? {})) ajv.addFormat(name, format as FormatCheck)
  return ajv
}

let standard: Ajv | undefined

// The parts of a keyword's definition that do its work.
const WORK = ['code', 'compile', 'macro', 'validate'] as unknown as ReadonlyArray<keyof FuncKeywordDefinition>

// The options of Ajv that change neither what JSON Schema's keywords mean nor the value.
const NEUTRAL = new Set([
  'formats', 'keywords', 'strict', 'strictSchema', 'strictTypes', 'strictTuples', 'strictRequired', 'strictNumbers',
  'allErrors', 'messages', 'verbose', 'logger'
])
// The keywords by which ajv-formats compares dates.
const FORMAT_LIMITS = new Set(['formatMinimum', 'formatMaximum', 'formatExclusiveMinimum', 'formatExclusiveMaximum'])

/** Every keyword of JSON Schema, up to 2020-12, and the annotations of OpenAPI. */
const KEYWORDS: ReadonlySet<string> = new Set([
  '$id', '$schema', '$ref', '$anchor', '$comment', '$defs', '$vocabulary', 'additionalItems', 'additionalProperties', 'allOf',
  'anyOf', 'const', 'contains', 'contentEncoding', 'contentMediaType', 'contentSchema', 'default', 'definitions', 'dependencies',
  'dependentRequired', 'dependentSchemas', 'deprecated', 'description', 'discriminator', 'else', 'enum', 'example', 'examples',
  'exclusiveMaximum', 'exclusiveMinimum', 'externalDocs', 'format', 'if', 'items', 'maxContains', 'maxItems', 'maxLength',
  'maxProperties', 'maximum', 'minContains', 'minItems', 'minLength', 'minProperties', 'minimum', 'multipleOf', 'not', 'nullable',
  'oneOf', 'pattern', 'patternProperties', 'prefixItems', 'properties', 'propertyNames', 'readOnly', 'required', 'then', 'title',
  'type', 'unevaluatedItems', 'unevaluatedProperties', 'uniqueItems', 'writeOnly', 'xml'
])

function explainUnknownKind (kind: string, where: string): string {
  return `kind '${kind}'${where} is registered in no build of TypeBox that can be seen: call TypeRegistry.Set('${kind}', …) before ` +
    'the app is ready, or give the plugin the build where you do, like typebox: require(\'@sinclair/typebox\')'
}

function explainUnknownFormat (name: string): string {
  return `unknown format "${name}": register it with FormatRegistry.Set of @sinclair/typebox or Format.Set of typebox/format, ` +
    'give it by the option ajv, or leave it out'
}

// The app may register in two builds; a schema does not say which of them made it.
function one<Check> (what: string, by: string, found: ReadonlyArray<Check | undefined>): Check | undefined {
  const [check, ...others] = new Set(found.filter((check) => check !== undefined))
  if (others.length === 0) return check
  throw new Error(`${what} is registered differently in two builds of TypeBox: call ${by} in one of them, ` +
    'or give the plugin the build that counts, like typebox: require(\'@sinclair/typebox\')')
}

function ownFormat ({ formats, defaults }: Build, name: string): FormatCheck | undefined {
  const check = formats?.Get(name)
  return defaults.has(check) ? undefined : check
}

function checkOf (format: FormatDefinition): FormatCheck {
  if (format === true) return () => true
  const check = typeof format === 'object' && 'validate' in format ? format.validate : format
  return typeof check === 'function' ? check : (value) => check.test(value)
}
