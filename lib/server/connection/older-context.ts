import type { OlderVersion } from '../../../types/versions.js'
import type { CompiledContract } from '../compile/contract.js'
import type { RouteContext } from './connection.js'
import { Encoder } from '../messages/encode.js'
import type { Entry } from '../messages/message.js'
import { OlderDecoder } from '../messages/older-decoder.js'
import { OlderEncoder } from '../messages/older-encoder.js'

/** The newest version of a route, and the way to compile another contract in its scope. */
export interface NewestVersion {
  readonly context: RouteContext
  readonly entries: ReadonlyMap<string, Entry>
  readonly encoder: Encoder
  readonly compile: (contract: OlderVersion['contract']) => CompiledContract
}

/** Makes the context of a connection that speaks an older version. */
export function olderContext (version: OlderVersion, { context, entries, encoder, compile }: NewestVersion): RouteContext {
  const { contract } = version
  const compiled = compile(contract)
  const old = new Encoder(compiled, context.settings.validateOutgoing)
  const older = new OlderEncoder(version, { newest: encoder, incoming: entries, old })
  return {
    ...context,
    version: contract.name,
    decoder: new OlderDecoder(version, compiled, entries),
    encoder: older,
    frames: context.registry.framesOf(version, older),
    binary: contract.binary.clientToServer ? context.binary : undefined
  }
}
