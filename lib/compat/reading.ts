import { ContractError, defineContract } from '../contract.js'
import type { AnyContract } from '../../types/contract.js'
import { isRecord } from '../record.js'
import { explainUnfit } from '../schema/checks.js'
import { answerOf, messagesOf, presencesOf } from '../schema/message.js'
import { References } from '../schema/references.js'
import { stepTo } from './difference.js'

/**
 * Reads a contract as the data that its JSON holds, so that a contract and its file are alike.
 *
 * @param contract - made by `defineContract`, or read from a file by `JSON.parse`.
 * @param which - its part in the comparison, for errors.
 * @throws {ContractError} when it is no contract, or JSON does not hold it.
 */
export function readContract (contract: unknown, which: 'old' | 'new'): AnyContract {
  try {
    refuseLossy(contract, '')
    const read: AnyContract = defineContract(JSON.parse(JSON.stringify(contract ?? null)) as never)
    refuseUnfit({ ...read, ...contract as object })
    return read
  } catch (error) {
    throw new ContractError(`the ${which} contract cannot be compared: ${(error as Error).message}`)
  }
}

// The JSON of a conversion does not tell that it is one.
function refuseUnfit (contract: AnyContract): void {
  for (const message of [...messagesOf(contract, 'clientToServer'), ...messagesOf(contract, 'serverToClient')]) {
    const { where, whereAnswer, schemas } = message
    for (const [place, schema] of [[where, schemas.payload], [whereAnswer, answerOf(schemas)]] as const) {
      const reason = explainUnfit(new References(schema))
      if (reason !== undefined) throw new ContractError(`${place}: ${reason}`)
    }
  }
  for (const { where, schema } of presencesOf(contract)) {
    const reason = explainUnfit(new References(schema))
    if (reason !== undefined) throw new ContractError(`${where}: ${reason}`)
  }
}

/** Values that JSON.stringify would leave out or write as something else. */
function refuseLossy (value: unknown, place: string): void {
  const name = nameOfLossy(value)
  if (name !== undefined) throw new ContractError(`${place.slice(1)}: JSON does not hold ${name}`)
  for (const [key, member] of Object.entries(Object(value) as object)) {
    if (typeof value !== 'string' && member !== undefined && !key.startsWith('~')) refuseLossy(member, place + stepTo(key))
  }
}

function nameOfLossy (value: unknown): string | undefined {
  if (value instanceof RegExp) return `an expression: write its source, ${JSON.stringify(value.source)}`
  if (typeof value === 'number' && !Number.isFinite(value)) return `${value}: leave the keyword out`
  if (typeof value === 'function' || typeof value === 'bigint' || typeof value === 'symbol') return `a ${typeof value}`
  const isPlain = typeof value !== 'object' || value === null || Array.isArray(value) || isRecord(value)
  const isMade = isPlain && typeof value === 'object' && value !== null && 'toJSON' in value
  return isMade ? `a ${value.constructor.name}: write what stands for it on the wire` : undefined
}
