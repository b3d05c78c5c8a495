import type { Change } from '../../types/compat.js'
import type { AnyContract } from '../../types/contract.js'
import { GUARD, KIND, LEGACY_KINDS, REFINE } from '../schema/equality.js'
import { answerOf, messagesOf, type ContractMessage, type Direction } from '../schema/message.js'
import { References } from '../schema/references.js'
import { at, type ObjectSubschema } from '../schema/subschema.js'
import { stepTo } from './difference.js'

/** Checks of the app's own, in a contract that is not read from JSON: they are not compared. */
export function ownChecks (contract: AnyContract): Change[] {
  return (['clientToServer', 'serverToClient'] as const)
    .flatMap((direction) => messagesOf(contract, direction).flatMap((message) => checksOf(message, direction)))
}

function checksOf ({ name, schemas }: ContractMessage, direction: Direction): Change[] {
  const parts = [schemas.payload, answerOf(schemas)].flatMap((schema) => new References(schema).reachable())
  return parts.flatMap((part) => {
    const check = ownCheckOf(part)
    const text = `${check}${at(part)} is a function, which JSON does not hold: not compared`
    return check === undefined ? [] : [{ impact: 'unknown', where: direction + stepTo(name), text }]
  })
}

function ownCheckOf ({ schema }: ObjectSubschema): string | undefined {
  const kind = (schema as Readonly<Record<symbol, unknown>>)[KIND]
  if (typeof kind === 'string' && kind !== 'Unsafe' && !LEGACY_KINDS.has(kind)) return `the kind '${kind}'`
  return REFINE in schema || GUARD in schema ? 'the refinement' : undefined
}
