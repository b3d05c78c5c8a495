import type { AnyContract } from '../../../types/contract.js'
import { isCopy } from '../../schema/equality.js'
import { messagesOf } from '../../schema/message.js'
import { References, type SharedSchemas } from '../../schema/references.js'
import * as errors from '../errors.js'

/**
 * Refuses a contract whose server messages mean different things in the scopes of two routes: a
 * message that is published is written once, for the members of all routes.
 *
 * @throws FST_TYPED_WS_INVALID_SCHEMA
 */
export function refuseOtherMeaning (contract: AnyContract, [first, ...others]: readonly SharedSchemas[]): void {
  const known = schemasOfOutgoing(contract, first!)
  for (const [id, schema] of others.flatMap((shared) => [...schemasOfOutgoing(contract, shared)])) {
    if (!isCopy(schema, known.get(id))) throw new errors.InvalidSchema(`${contract.name} serverToClient`, explainOther(id))
  }
}

function explainOther (id: string): string {
  return `it refers to '${id}', which is not the same schema in the scopes of two routes, and what is published is written once ` +
    'for both: add one schema in a scope around both, or give each its own $id and contract'
}

/** The app's schemas that the server's messages refer to, by `$id`. */
function schemasOfOutgoing (contract: AnyContract, sharedSchemas: SharedSchemas): Map<string, unknown> {
  return new Map(messagesOf(contract, 'serverToClient').flatMap(({ schemas }) => {
    const references = new References(schemas.payload, sharedSchemas)
    const documents = [...references.documents()].filter(([, document]) => document !== references.root)
    return documents.map(([name, { schema }]) => [name.slice(0, -1), schema] as const)
  }))
}
