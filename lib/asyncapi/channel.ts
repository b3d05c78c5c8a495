import type { AsyncApiObject, DocumentedSchema } from '../../types/asyncapi.js'
import { isRecord } from '../record.js'
import { References, type SharedSchemas } from '../schema/references.js'
import { rootOf, type Subschema } from '../schema/subschema.js'
import { addressOf, type AddressParameter } from './address.js'
import type { Components } from './components.js'
import { pascalCase } from './names.js'
import { SchemaWriter, type Schema } from './schemas.js'

/** A typed route, as a document tells of it. */
export interface Handshake {
  readonly url: string
  readonly schema: DocumentedSchema
  readonly contractName: string
  readonly needsOrigin: boolean
  readonly sharedSchemas: SharedSchemas
}

/** The parts of a channel that the handshake gives: its address, parameters and bindings. */
export function writeHandshake (handshake: Handshake, components: Components): AsyncApiObject {
  const { url, schema } = handshake
  const { address, parameters } = addressOf(url)
  const params = resolved(schema.params, handshake.sharedSchemas)
  return {
    address,
    ...(parameters.length > 0 && { parameters: Object.fromEntries(parameters.map((one) => [one.name, parameterOf(one, params)])) }),
    bindings: { ws: bindingOf(handshake, components) }
  }
}

function bindingOf ({ schema, contractName, needsOrigin, sharedSchemas }: Handshake, components: Components): AsyncApiObject {
  const written = (part: unknown): Schema => {
    const references = new References(part, sharedSchemas)
    const writer = new SchemaWriter(components, references, pascalCase(contractName))
    return writer.body(resolved(part, sharedSchemas)) as Schema
  }
  const query = schema.querystring === undefined ? {} : { query: { type: 'object', ...written(schema.querystring) } }
  const { properties, required = [], ...rest } = schema.headers === undefined ? {} : written(schema.headers)
  return {
    method: 'GET',
    ...query,
    headers: {
      type: 'object',
      ...rest,
      properties: {
        'Sec-WebSocket-Protocol': { type: 'string', const: contractName, description: 'The contract\'s name, as subprotocol; or none.' },
        Origin: { type: 'string', description: 'Sent by every browser.' },
        ...properties as Schema
      },
      ...((needsOrigin || (required as string[]).length > 0) && { required: [...needsOrigin ? ['Origin'] : [], ...required as string[]] })
    },
    bindingVersion: '0.1.0'
  }
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
