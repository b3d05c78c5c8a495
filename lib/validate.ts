import type { Validate } from '../types/client.js'
import type { AnyContract } from '../types/contract.js'
import { messageOf } from './schema/message.js'

/** Tells whether a value fits its schema: `Value.Check` of either line of TypeBox. */
export type Check = (schema: never, value: unknown) => boolean

/**
 * Checks in the client what the server sends. The contract, its schemas and `check` come into the
 * bundle by this. Nothing is compiled, so no `unsafe-eval` is needed.
 *
 * @param contract - the very one that the server has.
 * @param check - `Value.Check` of `@sinclair/typebox/value` or of `typebox/value`, of the line that
 * made the schemas.
 *
 * @example
 * const validate = validateBy(chat, Value.Check)
 * const client = createClient<typeof chat>('/chat', { protocol: chat.name, validate })
 */
export function validateBy (contract: AnyContract, check: Check): Validate {
  return (kind, type, data) => {
    const schema = schemaOf(contract, kind, type)
    if (schema === undefined) return `there is no ${kind} '${type}' from the server in contract '${contract.name}'`
    return check(schema as never, data) ? undefined : `${kind} '${type}' breaks its schema`
  }
}

function schemaOf (contract: AnyContract, kind: Parameters<Validate>[0], type: string): object | undefined {
  const { clientToServer, serverToClient, topics } = contract
  if (kind === 'info') {
    const [topic = ''] = type.split(':', 1)
    return Object.hasOwn(topics, topic) ? topics[topic]!.presence : undefined
  }
  const messages = kind === 'reply' || kind === 'item' ? clientToServer : serverToClient
  if (!Object.hasOwn(messages, type)) return undefined
  const message = messageOf(messages[type]!)
  switch (kind) {
    case 'event': return message.kind === 'event' ? message.payload : undefined
    case 'call': return message.kind === 'event' ? undefined : message.payload
    case 'reply': return message.kind === 'call' ? message.reply : undefined
    case 'item': return message.kind === 'stream' ? message.item : undefined
  }
}
