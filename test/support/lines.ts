// The ways a schema can come: of either line of TypeBox, or as plain JSON Schema, which is an Ajv's
// to check.
import { Type as Legacy } from '@sinclair/typebox'
import { Type as Current } from 'typebox'
import type { ContractDefinition } from '../../types/contract.js'
import { defineContract } from '../../lib/contract.js'
import { compileContract, type CompiledContract, type CompileOptions, type IncomingCall } from '../../lib/server/compile/contract.js'
import { Decoder, type Decoded } from '../../lib/server/messages/decode.js'
import type { Entry } from '../../lib/server/messages/message.js'
import { Encoder } from '../../lib/server/messages/encode.js'
import { loadTypeBox } from '../../lib/server/compile/typebox.js'

export type Builder = typeof Legacy

/** The members that both lines have, under the types of one. */
export const builders: ReadonlyArray<{ name: string, Type: Builder }> = [
  { name: 'TypeBox 0.34', Type: Legacy },
  { name: 'TypeBox 1.x', Type: Current as unknown as Builder }
]

/** Every way, and how a schema of TypeBox becomes one that comes that way. */
export const lines: ReadonlyArray<{ name: string, Type: Builder, of: (schema: object) => object }> = [
  ...builders.map((builder) => ({ ...builder, of: (schema: object) => schema })),
  { name: 'plain JSON Schema', Type: Legacy, of: plain }
]

/** A schema with nothing of TypeBox left on it. */
export function plain (schema: object): object {
  return JSON.parse(JSON.stringify(schema)) as object
}

const typebox = await loadTypeBox()

export function compile (definition: ContractDefinition, options: Partial<CompileOptions> = {}): CompiledContract {
  return compileContract(defineContract(definition), { typebox, ajv: {}, sharedSchemas: {}, ...options })
}

/** The entries of a route whose handlers are never called. */
export function entriesOf (incoming: CompiledContract['incoming']): Map<string, Entry> {
  return new Map([...incoming].map(([name, message]) => [name, { ...message, handler () {}, type: name, cost: 1, isUrgent: false }]))
}

/** Decodes the text of one client message, `m`. */
export function decoderOf (message: object, options?: Partial<CompileOptions>): (text: string) => Decoded {
  const { incoming } = compile({ name: 'test', clientToServer: { m: message } }, options)
  const decoder = new Decoder(entriesOf(incoming), 'type')
  return (text) => decoder.decode(text)
}

/** Why a payload of the client message `m` is refused, or `undefined`. */
export function refusalOf (schema: object, payload: object, options?: Partial<CompileOptions>): string | undefined {
  const decoded = decoderOf(schema, options)(JSON.stringify({ type: 'm', ...payload }))
  return decoded.kind === 'rejection' ? decoded.error.message : undefined
}

/** Writes the event `m` of a server. */
export function eventOf (
  schema: object,
  { validateOutgoing = true, ...options }: Partial<CompileOptions> & { validateOutgoing?: boolean } = {}
): (payload: unknown) => string {
  const encoder = new Encoder(compile({ name: 'test', serverToClient: { m: schema } }, options), validateOutgoing)
  return (payload) => encoder.event('m', payload)
}

/** Writes a reply's data. */
export function replyOf (
  schema: object,
  { validateOutgoing = true, ...options }: Partial<CompileOptions> & { validateOutgoing?: boolean } = {}
): (data: unknown) => string {
  const compiled = compile({ name: 'test', clientToServer: { m: { request: Legacy.Object({}), reply: schema } } }, options)
  const encoder = new Encoder(compiled, validateOutgoing)
  const call = compiled.incoming.get('m') as IncomingCall
  return (data) => encoder.reply(call, undefined, data).replace(/^\{"type":"\$reply","data":([^]*)\}$/, '$1')
}
