import { AjvCompiler } from '@fastify/ajv-compiler'
import type { AjvError } from './explain.js'
import { idOf, type Part, type Schema } from './schema.js'

export type AjvCheck = ((value: unknown) => boolean) & { errors?: readonly AjvError[] | null }

/** What an Ajv is made of. */
export interface AjvOptions {
  readonly customOptions: Readonly<Record<string, unknown>>
  readonly plugins?: readonly unknown[]
  readonly sharedSchemas?: Readonly<Record<string, unknown>>
  readonly formats?: ReadonlyMap<string, (value: string) => boolean>
}

/** The methods of an Ajv that are used here. */
interface Ajv {
  removeKeyword (name: string): void
  addKeyword (definition: object): void
  addFormat (name: string, check: unknown): void
  validateSchema (schema: object, throws: boolean): unknown
}

type Build = (part: { schema: Schema }) => AjvCheck

/**
 * Opens an Ajv for one message's schema, which compiles the schema or any part of it by its URI. Each schema has an Ajv of its own: one shared by two
 * schemas would take what they call by the same `$id` for the same, and check one with the other's.
 */
export function openAjv ({ schema, uri }: Part, { customOptions, plugins = [], sharedSchemas = {}, formats = new Map() }: AjvOptions): (uri: string) => AjvCheck {
  const id = uri.slice(0, -1)
  refuseSecond(id, schema, sharedSchemas)
  const documents = { ...sharedSchemas as Record<string, Schema>, [id]: { ...plain(schema) as Schema, $id: id } }
  const onCreate = (ajv: Ajv): void => {
    addKeywords(ajv)
    for (const [name, check] of formats) ajv.addFormat(name, check)
  }
  const build = create(documents, { customOptions: { ...customOptions, validateSchema: false }, plugins, onCreate })
  return (part) => build({ schema: { $ref: part } })
}

/** @throws when a schema is none, as seen by the schema of schemas. */
export function judgeSchema (schema: Schema): void {
  judge ??= createJudge()
  judge.validateSchema(plain(schema) as Schema, true)
}

// Compiling the schema of schemas takes ten times what compiling a message's does.
let judge: Ajv | undefined

function createJudge (): Ajv {
  let created: Ajv
  create({}, { customOptions: {}, onCreate: (ajv: Ajv) => { created = ajv } })
  return created!
}

function create (documents: Record<string, Schema>, options: object): Build {
  return AjvCompiler()(documents, options)
}

function refuseSecond (id: string, schema: unknown, sharedSchemas: Readonly<Record<string, unknown>>): void {
  const other = Object.values(sharedSchemas).find((shared) => idOf(shared) === id)
  if (other !== undefined && JSON.stringify(other) !== JSON.stringify(schema)) throw new Error(`its $id '${id}' is that of another schema, which the app shares: give it another one`)
}

// What TypeBox 1.x has beyond JSON Schema, as keywords: a pattern may be a RegExp, and a refinement hides from all who list properties.
function plain (value: unknown): unknown {
  if (value instanceof RegExp) return value.source
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const copy = Object.fromEntries(Object.entries(value).map(([key, child]) => [key, plain(child)]))
  return '~refine' in value ? { ...copy, [REFINE]: value['~refine'] } : copy
}

const REFINE = 'x-typebox-refine'

interface Refinement {
  readonly check: (value: unknown) => boolean
  readonly error: (value: unknown) => unknown
}

function addKeywords (ajv: Ajv): void {
  // Ajv's own compares every item with every other: a message of 64 KiB would take seconds.
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    errors: false,
    validate: (isWanted: boolean, items: unknown[]) => !isWanted || new Set(items.map(canonical)).size === items.length,
    error: { message: 'must NOT have duplicate items' }
  })
  ajv.addKeyword({ keyword: REFINE, validate: refine })
}

function refine (refinements: readonly Refinement[], value: unknown): boolean {
  const failed = refinements.find(({ check }) => !check(value))
  if (failed !== undefined) (refine as AjvCheck).errors = [{ keyword: REFINE, message: String(failed.error(value)) }]
  return failed === undefined
}

/** A text that is the same for equal values only, whatever the order of their keys. */
function canonical (value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? String(value)
  const members = Object.entries(value).map(([key, child]) => `${JSON.stringify(key)}:${canonical(child)}`)
  return `{${members.sort().join()}}`
}
