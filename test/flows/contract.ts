import { Type } from '@sinclair/typebox'
import { Type as Type1 } from 'typebox'
import { defineContract } from '../../lib/contract.js'

/** Everything a contract can say, in both directions. */
export const contract = defineContract({
  name: 'guest.v1',
  clientToServer: {
    say: Type.Object({ text: Type.String() }),
    add: { request: Type.Object({ numbers: Type.Array(Type.Number()) }), reply: Type.Number() },
    refuse: { request: Type.Object({}), reply: Type.Null() },
    wait: { request: Type.Object({}), reply: Type.Null() },
    count: { request: Type.Object({ from: Type.Integer() }), stream: Type.Integer() },
    ask: { request: Type.Object({ question: Type.String(), timeoutMs: Type.Optional(Type.Integer()) }), reply: Type.Boolean() },
    lie: { request: Type.Object({}), reply: Type.Number() },
    leave: Type.Object({ code: Type.Integer(), reason: Type.String() })
  },
  serverToClient: {
    said: Type.Object({ text: Type.String() }),
    returned: Type.Object({ at: Type.Integer() }),
    confirm: { request: Type.Object({ question: Type.String() }), reply: Type.Boolean() }
  },
  binary: { clientToServer: true, serverToClient: true }
})

/** A part of it, in the words of the other line of TypeBox. */
export const contract1 = defineContract({
  name: 'guest.v1',
  clientToServer: {
    add: { request: Type1.Object({ numbers: Type1.Array(Type1.Number()) }), reply: Type1.Number() },
    lie: { request: Type1.Object({}), reply: Type1.Number() }
  },
  serverToClient: { said: Type1.Object({ text: Type1.String() }) }
})
