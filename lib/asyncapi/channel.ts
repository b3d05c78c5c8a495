import type { AsyncApiObject, DocumentedSchema } from '../../types/asyncapi.js'
import type { AnyContract } from '../../types/contract.js'
import { isRecord } from '../record.js'
import { References, type SharedSchemas } from '../schema/references.js'
import { rootOf, type Subschema } from '../schema/subschema.js'
import { addressOf, type AddressParameter } from './address.js'
import type { Components } from './components.js'
import { pascalCase } from './names.js'
import { SchemaWriter, type Schema } from './schemas.js'
import { subprotocolsOf } from './topics.js'

const SUBPROTOCOL = 'Sec-WebSocket-Protocol'

/** A typed route in one version of its contract, as a document tells of it. */
export interface DocumentedRoute {
  readonly url: string
  readonly schema: DocumentedSchema
  readonly contract: AnyContract
  /** The contract of the route, whose topics are those of all versions. */
  readonly newest: AnyContract
  /** A client that offers no subprotocol speaks this version. */
  readonly isDefault: boolean
  readonly needsOrigin: boolean
  readonly sharedSchemas: SharedSchemas
}

/** The parts of a channel that the handshake gives: its address, parameters and bindings. */
export function writeHandshake (route: DocumentedRoute, components: Components): AsyncApiObject {
  const { url, schema } = route
  const { address, parameters } = addressOf(url)
  const params = resolved(schema.params, route.sharedSchemas)
  return {
    address,
    ...(parameters.length > 0 && { parameters: Object.fromEntries(parameters.map((one) => [one.name, parameterOf(one, params)])) }),
    bindings: { ws: bindingOf(route, components) }
  }
}

function bindingOf (route: DocumentedRoute, components: Components): AsyncApiObject {
  const { schema, contract, isDefault, needsOrigin, sharedSchemas } = route
  const written = (part: unknown): Schema => {
    const references = new References(part, sharedSchemas)
    const writer = new SchemaWriter(components, references, pascalCase(contract.name))
    return writer.body(resolved(part, sharedSchemas)) as Schema
  }
  const query = schema.querystring === undefined ? {} : { query: { type: 'object', ...written(schema.querystring) } }
  const { properties, required: declared = [], ...rest } = schema.headers === undefined ? {} : written(schema.headers)
  const required = [...isDefault ? [] : [SUBPROTOCOL], ...needsOrigin ? ['Origin'] : [], ...declared as string[]]
  return {
    method: 'GET',
    ...query,
    headers: {
      type: 'object',
      ...rest,
      properties: {
        [SUBPROTOCOL]: { type: 'string', const: contract.name, description: describeSubprotocol(route) },
        Origin: { type: 'string', description: 'Sent by every browser.' },
        ...properties as Schema
      },
      ...(required.length > 0 && { required })
    },
    bindingVersion: '0.1.0'
  }
}

function describeSubprotocol ({ isDefault, newest }: DocumentedRoute): string {
  const asking = subprotocolsOf(newest).map(({ name, asks }) => ` Beside it, \`${name}\` asks ${asks}.`)
  return [`The contract's name, as subprotocol${isDefault ? '; or none' : ''}.`, ...asking].join('')
}

/** A schema of the handshake, also where it is a shared one by reference. */
function resolved (schema: unknown, sharedSchemas: SharedSchemas): Subschema {
  const references = new References(schema, sharedSchemas)
  let part = rootOf(schema)
  for (const seen = new Set<unknown>(); part.get('$ref') !== undefined && !seen.has(part.schema);) {
    seen.add(part.schema)
    part = references.resolve(part)
  }
  return part
}

// AsyncAPI's parameters are strings: bounds become words.
function parameterOf ({ key, isOptional }: AddressParameter, params: Subschema): AsyncApiObject {
  const schema = params.child('properties')?.child(key)?.schema
  const { description, enum: values, default: fallback, examples, anyOf, ...rest } = isRecord(schema) ? schema : {}
  const literals = [anyOf].flat().map((one) => isRecord(one) ? one['const'] : undefined)
  const list = Array.isArray(values) ? values : literals.every((one) => one !== undefined) ? literals : undefined
  const said = [description, ...boundsOf(rest), ...isOptional ? ['May be left out.'] : []].filter((part) => typeof part === 'string')
  return {
    ...(said.length > 0 && { description: said.join(' ') }),
    ...(list !== undefined && { enum: list.map(textOf) }),
    ...(fallback !== undefined && { default: textOf(fallback) }),
    ...(Array.isArray(examples) && { examples: examples.map(textOf) })
  }
}

function textOf (value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function boundsOf ({ type, minLength, maxLength, minimum, maximum, pattern, format }: Schema): string[] {
  const bounds: ReadonlyArray<readonly [unknown, string]> = [
    [minLength, `At least ${String(minLength)} characters.`],
    [maxLength, `At most ${String(maxLength)} characters.`],
    [type === 'integer' || undefined, 'An integer.'],
    [type === 'number' || undefined, 'A number.'],
    [minimum, `At least ${String(minimum)}.`],
    [maximum, `At most ${String(maximum)}.`],
    [pattern, `Of the form ${String(pattern)}.`],
    [format, `Of the format ${String(format)}.`]
  ]
  return bounds.flatMap(([bound, words]) => bound === undefined ? [] : [words])
}
