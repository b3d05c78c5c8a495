import type { AnyContract } from '../../../types/contract.js'
import type { OlderOptions, OlderVersion, Translation } from '../../../types/versions.js'
import { isRecord } from '../../record.js'
import { isContract, messagesOf, topicPropertiesOf, type ContractMessage, type Direction } from '../../schema/message.js'
import * as errors from '../errors.js'

type Fail = (advice: string) => never
type Translations = OlderVersion['clientToServer']

/** A message of one contract, and the message of the other that it is translated into. */
export interface Pair {
  readonly from: ContractMessage
  /** Undefined: it is dropped. */
  readonly to: ContractMessage | undefined
  readonly translation: Translation
}

const PARTS = ['contract', 'clientToServer', 'serverToClient']
const UP_AND_DOWN = ['up', 'down', 'as', 'drop']
const NONE: Translation = {}

/**
 * Makes an older version of a contract, for the option `versions` of a route. Handlers see the
 * newest messages only: what an old client sends is checked by the old schema, translated by `up`,
 * and checked by the newest schema; what it is sent is translated by `down`, and written by the old
 * schema. A message whose old payload is a newest one as well needs no `up`, one whose newest
 * payload is an old one no `down`.
 *
 * @param newest - the contract of the route.
 * @param options - the old `contract`, and translations in both directions, each under the name
 * that the sender of the message gives it. `up` and `down` are pure functions: what `down` gets is
 * plain JSON, and its result is sent to all clients of the version. `as` is the other name of a
 * message that was renamed, `drop: true` leaves one out.
 * @returns the version, frozen.
 * @throws `FST_TYPED_WS_INVALID_VERSION` when a part of it could not work.
 *
 * @example
 * const v1 = older(chatV2, {
 *   contract: chatV1,
 *   clientToServer: {
 *     message: { up: ({ text }) => ({ body: { text, format: 'plain' } }) },
 *     say: { as: 'message', up: ({ words }) => ({ body: { text: words, format: 'plain' } }) },
 *     poke: { drop: true },
 *     history: { down: ({ messages }) => messages }
 *   },
 *   serverToClient: { message: { down: ({ body }) => ({ text: body.text }) } }
 * })
 */
export function older<const Newest extends AnyContract, const Old extends AnyContract> (
  newest: Newest, options: OlderOptions<Newest, Old>
): OlderVersion<Newest> {
  const given: unknown = options
  if (!isContract(newest) || !isRecord(given) || !isContract(given['contract'])) {
    throw new errors.InvalidVersion('older', 'write older(newest, { contract: old, clientToServer: { … }, serverToClient: { … } })')
  }
  const { contract, clientToServer = {}, serverToClient = {} } = given as unknown as Partial<OlderVersion> & Pick<OlderVersion, 'contract'>
  const fail: Fail = (advice) => { throw new errors.InvalidVersion(contract.name, advice) }
  if (contract.name === newest.name) {
    fail('it has the name of the newest contract, and the subprotocol must tell them apart: give one of them another name')
  }
  const other = Object.keys(given).find((key) => !PARTS.includes(key))
  if (other !== undefined) fail(`there is no part '${other}': write ${PARTS.join(', ')}`)
  const version: OlderVersion<Newest> = Object.freeze({
    newest,
    contract,
    clientToServer: checked(clientToServer, 'clientToServer', contract, fail),
    serverToClient: checked(serverToClient, 'serverToClient', newest, fail)
  })
  for (const pair of pairsOf(version, 'clientToServer')) checkPair(pair, newest, 'clientToServer', fail)
  for (const pair of pairsOf(version, 'serverToClient')) checkPair(pair, contract, 'serverToClient', fail)
  checkDiscriminator(version, fail)
  checkBinary(version, fail)
  return version
}

/** The messages that the sender of one direction has, and their translations. */
export function pairsOf (version: OlderVersion, direction: Direction): Pair[] {
  const [sender, receiver] = direction === 'clientToServer' ? [version.contract, version.newest] : [version.newest, version.contract]
  const known = new Map(messagesOf(receiver, direction).map((message) => [message.name, message]))
  return messagesOf(sender, direction).map((from) => {
    const translation = translationOf(version[direction], from.name)
    const to = translation.drop === true ? undefined : known.get(translation.as ?? from.name)
    const isUnsaid = direction === 'serverToClient' && translation.as === undefined && !isSameKind(from, to)
    return { from, to: isUnsaid ? undefined : to, translation }
  })
}

/** Tells whether a value was made by `older`. */
export function isOlder (value: unknown): value is OlderVersion {
  return isRecord(value) && isContract(value['newest']) && isContract(value['contract'])
}

function translationOf (translations: Translations, name: string): Translation {
  return Object.hasOwn(translations, name) ? translations[name]! : NONE
}

function checked (given: unknown, direction: Direction, sender: AnyContract, fail: Fail): Translations {
  if (!isRecord(given)) return fail(`${direction} is an object of translations: write ${direction}: { message: { up, down } }`)
  for (const [name, translation] of Object.entries(given)) {
    const where = `${direction}.${name}`
    if (!Object.hasOwn(sender[direction], name)) fail(`${where}: '${sender.name}' has no such message`)
    if (!isTranslation(translation)) fail(`${where}: write { up, down }, functions; with as: 'name' where it is renamed; or { drop: true }`)
  }
  return Object.freeze({ ...given }) as Translations
}

function isTranslation (value: unknown): value is Translation {
  if (!isRecord(value) || Object.keys(value).some((key) => !UP_AND_DOWN.includes(key))) return false
  const { up, down, as, drop } = value
  if (drop !== undefined) return drop === true && [up, down, as].every((part) => part === undefined)
  return [up, down].every((part) => part === undefined || typeof part === 'function') && (as === undefined || typeof as === 'string')
}

function checkPair ({ from, to, translation }: Pair, receiver: AnyContract, direction: Direction, fail: Fail): void {
  const { up, down, as, drop } = translation
  const where = `${direction}.${from.name}`
  if (drop === true) return
  if (to === undefined) {
    const isFree = direction === 'serverToClient' && as === undefined
    if (!isFree) fail(`${where}: '${receiver.name}' has no message '${as ?? from.name}': write { as: 'name', up } or { drop: true }`)
    if (up !== undefined || down !== undefined) fail(`${where}: '${receiver.name}' has no such ${from.schemas.kind}, and it is not sent`)
    return
  }
  if (!isSameKind(from, to)) {
    fail(`${where}: '${receiver.name}' has '${to.name}' as another kind of message: write { as: 'name', up } or { drop: true }`)
  }
  const unused = from.schemas.kind !== 'event' ? undefined : direction === 'clientToServer' ? down : up
  if (unused !== undefined) fail(`${where}: an event has no answer: it is translated in one direction`)
}

function isSameKind (from: ContractMessage, to: ContractMessage | undefined): boolean {
  return to !== undefined && to.schemas.kind === from.schemas.kind && to.schemas.hasBinary === from.schemas.hasBinary
}

// Its clients are told of the topics of the newest contract, in messages with their discriminator.
function checkDiscriminator ({ newest, contract: { discriminator } }: OlderVersion, fail: Fail): void {
  if (!topicPropertiesOf(newest.topics).includes(discriminator)) return
  fail(`its discriminator '${discriminator}' is a property of the messages about topics, which the newest contract has`)
}

function checkBinary ({ newest, contract }: OlderVersion, fail: Fail): void {
  if (!contract.binary.clientToServer || newest.binary.clientToServer) return
  fail(`its clients may send binary frames, and '${newest.name}' allows none: declare binary: { clientToServer: true } there`)
}
