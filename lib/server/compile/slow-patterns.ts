import type { AnyContract } from '../../../types/contract.js'
import { hasUnboundedPattern, patternsIn } from '../../schema/checks.js'
import { answerOf, messagesOf, presencesOf, type Direction } from '../../schema/message.js'
import { References, type SharedSchemas } from '../../schema/references.js'
import * as errors from '../errors.js'
import { isExponential } from './ambiguity.js'

/** A schema of a contract, with its direction. */
interface DirectedSchema {
  readonly schema: object
  readonly where: string
  /** Marks the schema of data that a client sends. */
  readonly isIncoming: boolean
}

/**
 * Refuses regular expressions that could stall the process. A client's texts may be long, and a
 * text that the server sends may be a client's.
 *
 * @param sharedSchemas - the targets of references, once they are known.
 * @throws FST_TYPED_WS_UNSAFE_PATTERN, FST_TYPED_WS_EXPONENTIAL_PATTERN
 */
export function refuseSlowPatterns (contract: AnyContract, sharedSchemas: SharedSchemas = {}): void {
  for (const { schema, where, isIncoming } of schemasOf(contract)) {
    const references = new References(schema, sharedSchemas)
    if (isIncoming && hasUnboundedPattern(references)) throw new errors.UnsafePattern(where)
    const exponential = patternsIn(references).find(isExponential)
    if (exponential !== undefined) throw new errors.ExponentialPattern(where, String(exponential))
  }
}

function schemasOf (contract: AnyContract): DirectedSchema[] {
  const infos = presencesOf(contract).map(({ where, schema }) => ({ schema, where, isIncoming: false }))
  return [...schemasOfDirection(contract, 'clientToServer'), ...schemasOfDirection(contract, 'serverToClient'), ...infos]
}

function schemasOfDirection (contract: AnyContract, direction: Direction): DirectedSchema[] {
  const isIncoming = direction === 'clientToServer'
  return messagesOf(contract, direction).flatMap(({ where, whereAnswer, schemas }) => {
    const payload = { schema: schemas.payload, where, isIncoming }
    const answer = answerOf(schemas)
    return answer === undefined ? [payload] : [payload, { schema: answer, where: whereAnswer, isIncoming: !isIncoming }]
  })
}
