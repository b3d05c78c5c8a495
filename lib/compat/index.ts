import type { Change, CompatibilityOptions, Impact } from '../../types/compat.js'
import type { AnyContract } from '../../types/contract.js'
import { OptionError, IncompatibleContractError } from './errors.js'
import { contractChanges } from './contracts.js'
import { ownChecks } from './notes.js'
import { readContract } from './reading.js'

export { ContractError } from '../contract.js'
export { IncompatibleContractError, OptionError } from './errors.js'
export type { Change, CompatibilityOptions, Impact } from '../../types/compat.js'

const IMPACTS: readonly Impact[] = ['safe', 'unknown', 'dangerous', 'breaking']

/**
 * Lists the changes from one contract to another, the worst first, by their meaning for clients
 * that still have the old one. Titles, descriptions, defaults, `$id`s and other ways to write the
 * same are no changes.
 *
 * @param old - the contract that clients have: `JSON.parse` of the text that `JSON.stringify` made
 * of it.
 * @param next - the contract that the server gets.
 * @throws {ContractError} `FST_TYPED_WS_INVALID_CONTRACT` when one of them is no contract, or JSON
 * does not hold it.
 *
 * @example
 * compareContracts(released, chat)
 * // [{
 * //   impact: 'breaking',
 * //   where: 'clientToServer.message.text',
 * //   text: 'maxLength 2000 → 1000: old clients may send what the server refuses now'
 * // }]
 */
export function compareContracts (old: unknown, next: AnyContract): Change[] {
  const [before, after] = [readContract(old, 'old'), readContract(next, 'new')]
  const changes = [...contractChanges(before, after), ...ownChecks({ ...after, ...next })]
  return changes.toSorted((one, other) => IMPACTS.indexOf(other.impact) - IMPACTS.indexOf(one.impact))
}

/**
 * Passes when clients of the old contract can go on with a server of the new one.
 *
 * @param old - as in `compareContracts`.
 * @param next - the contract that the server gets.
 * @param options - `allow`: places whose changes are meant. `failOn`: the least impact that fails,
 * by default `'dangerous'`.
 * @throws {IncompatibleContractError} `FST_TYPED_WS_INCOMPATIBLE_CONTRACT` with one line for each
 * change.
 * @throws {ContractError} `FST_TYPED_WS_INVALID_CONTRACT`, as `compareContracts` does.
 * @throws {OptionError} `FST_TYPED_WS_INVALID_OPTION` for a place at which nothing has changed, or
 * an unknown `failOn`.
 *
 * @example
 * const released = JSON.parse(await readFile('chat.contract.json', 'utf8'))
 * assertCompatible(released, chat, { allow: ['serverToClient.message.text'] })
 */
export function assertCompatible (old: unknown, next: AnyContract, options: CompatibilityOptions = {}): void {
  const { allow = [], failOn = 'dangerous' } = options
  if (!IMPACTS.slice(1).includes(failOn)) throw new OptionError('failOn: write \'breaking\', \'dangerous\' or \'unknown\'')
  const changes = compareContracts(old, next).filter(({ impact }) => IMPACTS.indexOf(impact) >= IMPACTS.indexOf(failOn))
  const unused = allow.find((place) => !changes.some(({ where }) => isAt(where, place)))
  if (unused !== undefined) {
    throw new OptionError(`allow: nothing at '${unused}' fails: take it out, or it would allow a change that comes later`)
  }
  const harms = changes.filter(({ where }) => !allow.some((place) => isAt(where, place)))
  if (harms.length > 0) throw new IncompatibleContractError(next.name, harms)
}

/** Tells whether a place is another, or is within it. */
function isAt (where: string, place: string): boolean {
  return where === place || where.startsWith(`${place}.`) || where.startsWith(`${place}[`)
}
