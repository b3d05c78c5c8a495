// Mistakes in a contract that its definition refuses, and definitions that it must not refuse.
import { expectTypeOf } from 'expect-type'
import { Type } from '@sinclair/typebox'
import { Type as Type1 } from 'typebox'
import { defineContract, type AnyContract, type Contract, type ContractDefinition, type Mistakes } from '../../lib/index.js'
import { createClient, type Client } from '../../lib/client/index.js'

const Empty = Type.Object({})

// @ts-expect-error -- another name for clientToServer
defineContract({ name: 'x', client: { say: Empty } })
// @ts-expect-error -- an event is an object
defineContract({ name: 'x', clientToServer: { say: Type.String() } })
// @ts-expect-error -- an event is an object
defineContract({ name: 'x', serverToClient: { say: Type1.Array(Type1.String()) } })
// @ts-expect-error -- an event is an object
defineContract({ name: 'x', serverToClient: { say: { type: 'number' } } })
// @ts-expect-error -- a request is an object
defineContract({ name: 'x', clientToServer: { ask: { request: Type.String(), reply: Empty } } })
// @ts-expect-error -- the name of the message has this property
defineContract({ name: 'x', clientToServer: { say: Type.Object({ type: Type.String() }) } })
// @ts-expect-error -- the name of the message has this property
defineContract({ name: 'x', clientToServer: { say: Type1.Object({ type: Type1.String() }) } })
// @ts-expect-error -- the name of the message has this property
defineContract({ name: 'x', clientToServer: { say: { type: 'object', properties: { type: {} } } } })
// @ts-expect-error -- the name of the message has this property
defineContract({ name: 'x', discriminator: 'op', clientToServer: { say: Type.Object({ op: Type.String() }) } })
// @ts-expect-error -- the number of the call has this property
defineContract({ name: 'x', serverToClient: { ask: { request: Type.Object({ ref: Type.String() }), reply: Empty } } })
// @ts-expect-error -- another name for reply
defineContract({ name: 'x', clientToServer: { ask: { request: Empty, response: Empty } } })
// @ts-expect-error -- no answer
defineContract({ name: 'x', clientToServer: { ask: { request: Empty } } })
// @ts-expect-error -- no request
defineContract({ name: 'x', clientToServer: { ask: { reply: Empty } } })
// @ts-expect-error -- two answers
defineContract({ name: 'x', clientToServer: { ask: { request: Empty, reply: Empty, stream: Empty } } })
// @ts-expect-error -- a stream of the client's
defineContract({ name: 'x', serverToClient: { ticks: { request: Empty, stream: Empty } } })

// @ts-expect-error -- only an event has a binary frame
defineContract({ name: 'x', clientToServer: { ask: { request: Empty, reply: Empty, binary: true } } })
// @ts-expect-error -- an event without a binary frame is the schema alone
defineContract({ name: 'x', clientToServer: { say: { payload: Empty } } })
// @ts-expect-error -- an event without a binary frame is the schema alone
defineContract({ name: 'x', clientToServer: { say: { payload: Empty, binary: false } } })
// @ts-expect-error -- no payload
defineContract({ name: 'x', serverToClient: { say: { binary: true } } })
// @ts-expect-error -- another part
defineContract({ name: 'x', serverToClient: { say: { payload: Empty, binary: true, maxBytes: 1 } } })
// @ts-expect-error -- a payload is an object
defineContract({ name: 'x', serverToClient: { say: { payload: Type.String(), binary: true } } })
// @ts-expect-error -- the name of the message has this property
defineContract({ name: 'x', clientToServer: { say: { payload: Type.Object({ type: Type.String() }), binary: true } } })

// Definitions that only a run can judge, and others that are right.
declare const properties: Record<string, ReturnType<typeof Type.String>>
declare const anything: ContractDefinition
declare const schema: object
defineContract(anything)
defineContract({ name: 'x', clientToServer: { say: Type.Object(properties), tell: schema, ask: { request: schema, reply: Type.Null() } } })
defineContract({ name: 'x', discriminator: String('op'), clientToServer: { say: Type.Object({ op: Type.Null() }) } })
const op = defineContract({ name: 'x', discriminator: 'op', clientToServer: { say: Type.Object({ type: Type.Null() }) } })
expectTypeOf(op.clientToServer.say.static).toEqualTypeOf<{ type: null }>()
defineContract({ name: 'x', serverToClient: { picture: { payload: Empty, binary: true }, other: { payload: schema, binary: true } } })
defineContract({ name: 'x', serverToClient: { one: Type.Union([Empty, Empty]), two: Type.Unsafe<object>({ $ref: 'two' }) } })
defineContract({ name: 'x', serverToClient: { three: Type1.Intersect([Type1.Object({}), Type1.Object({})]) } })

// A function that makes contracts asks for the check; its callers' mistakes stand with them.
function named<const D extends ContractDefinition> (definition: D & Mistakes<D>): Contract<D> {
  return defineContract<D>(definition)
}
expectTypeOf(named({ name: 'x', clientToServer: { say: Empty } }).name).toEqualTypeOf<'x'>()
// @ts-expect-error -- an event is an object
named({ name: 'x', clientToServer: { say: Type.String() } })

// A client without its contract would take any name.
// @ts-expect-error -- a type argument is missing
createClient('/chat')
// @ts-expect-error -- a type argument is missing
createClient('/chat', { protocol: 'x' })
// @ts-expect-error -- a type argument is missing
createClient(() => new URL('wss://example.com'))
const found: Client<typeof op> = createClient('/chat', { protocol: 'x' })
export function connect<C extends AnyContract> (url: string): Client<C> {
  return createClient<C>(url)
}
createClient<AnyContract>('/chat').send('any name', {})
expectTypeOf(found).toEqualTypeOf(connect<typeof op>('/chat'))
