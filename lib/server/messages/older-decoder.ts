import type { OlderVersion } from '../../../types/versions.js'
import type { CompiledContract } from '../compile/contract.js'
import * as errors from '../errors.js'
import { Decoder, type Decoded, type Fault, type MessageDecoder } from './decode.js'
import { Message, type Entry, type Handler, type Received } from './message.js'
import { pairsOf, type Pair } from './older.js'
import { translated } from './translation.js'

/** The check of the newest payload, and the way to it. */
interface Lift {
  readonly target: Entry
  readonly up: Pair['translation']['up']
}

/**
 * Turns the text of an old client into a message of the newest version: it is checked as the old
 * one, translated, and checked once more.
 */
export class OlderDecoder implements MessageDecoder {
  readonly #version: string
  readonly #decoder: Decoder
  readonly #lifts: ReadonlyMap<string, Lift>

  /** @param targets - the entries of the newest version, by name. */
  constructor (version: OlderVersion, compiled: CompiledContract, targets: ReadonlyMap<string, Entry>) {
    const pairs = pairsOf(version, 'clientToServer')
    const entries = pairs.map((pair) => [pair.from.name, entryOf(pair, compiled, targets)] as const)
    const lifts = pairs.flatMap(({ from, to, translation: { up } }) => {
      return to === undefined ? [] : [[from.name, { target: targets.get(to.name)!, up }] as const]
    })
    this.#version = version.contract.name
    this.#decoder = new Decoder(new Map(entries), version.contract.discriminator)
    this.#lifts = new Map(lifts)
  }

  announcesBinary (decoded: Decoded): boolean {
    return this.#decoder.announcesBinary(decoded)
  }

  decode (text: string): Decoded {
    const decoded = this.#decoder.decode(text)
    return decoded.kind === 'event' || decoded.kind === 'call' || decoded.kind === 'stream' ? this.#raise(decoded) : decoded
  }

  #raise (message: Received): Received | Fault {
    const { entry, ref, payload } = message
    const name = entry.name!
    const lift = this.#lifts.get(name)
    if (lift === undefined) return message
    try {
      const raised = translated(this.#version, `clientToServer.${name}.up`, payload, lift.up, lift.target.payload)
      return new Message(entry as Entry, ref, raised) as Received
    } catch (error) {
      return { kind: 'fault', type: name, ref, payload, error }
    }
  }
}

// A message that is dropped has no handler of the app's.
function entryOf ({ from: { name }, to }: Pair, compiled: CompiledContract, targets: ReadonlyMap<string, Entry>): Entry {
  const incoming = compiled.incoming.get(name)!
  if (to === undefined) return { ...incoming, handler: incoming.kind === 'event' ? drop : gone(name), type: name, cost: 1, isUrgent: false }
  const { handler, type, cost, isUrgent } = targets.get(to.name)!
  return { ...incoming, handler, type, cost, isUrgent }
}

function drop (): void {}

function gone (name: string): Handler {
  return () => { throw new errors.Gone(name) }
}
