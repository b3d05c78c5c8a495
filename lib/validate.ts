import type { Validate } from '../types/client.js'
import type { AnyContract } from '../types/contract.js'

/** Whether a value is as its schema says: `Value.Check` of either line of TypeBox. */
export type Check = (schema: never, value: unknown) => boolean

/**
 * Checks in the client what it receives. The contract and its schemas come into the bundle by this, and `check`; nothing is compiled, so no `unsafe-eval` is needed.
 *
 * @param contract - the very one the server has.
 * @param check - `Value.Check` of `@sinclair/typebox/value` or of `typebox/value`, by which line made the schemas.
 *
 * @example
 * const client = createClient<typeof chat>('/chat', { protocol: chat.name, validate: validateBy(chat, Value.Check) })
 */
export function validateBy (contract: AnyContract, check: Check): Validate {
  return (kind, type, data) => {
    const schema = schemaOf(contract, kind, type)
    if (schema === undefined) return `there is no ${kind} '${type}' from the server in contract '${contract.name}'`
    return check(schema as never, data) ? undefined : `${kind} '${type}' breaks its schema`
  }
}

function schemaOf ({ clientToServer, serverToClient }: AnyContract, kind: Parameters<Validate>[0], type: string): unknown {
  const messages = kind === 'reply' || kind === 'item' ? clientToServer : serverToClient
  if (!Object.hasOwn(messages, type)) return undefined
  const message = messages[type] as Readonly<Record<string, unknown>>
  switch (kind) {
    case 'event': return 'request' in message ? undefined : message
    case 'call': return message['request']
    case 'reply': return message['reply']
    case 'item': return message['stream']
  }
}
