import { Type, type Static } from '@sinclair/typebox'
import { defineContract } from 'fastify-typed-ws/contract'

const value = Type.Object({ value: Type.Unknown() })
const id = Type.Object({ id: Type.Integer() })
const failure = Type.Object({
  statusCode: Type.Optional(Type.Number()),
  code: Type.Optional(Type.String()),
  message: Type.Optional(Type.String())
})
const result = Type.Object({ id: Type.Integer(), data: Type.Optional(Type.Unknown()), error: Type.Optional(failure) })
export type Result = Static<typeof result>

/** The words of the server of the cases: a program around the client does what they ask for. */
export const conformance = defineContract({
  name: 'conformance.v1',
  title: 'Conformance',
  clientToServer: {
    echo: value,
    picture: { payload: Type.Object({ title: Type.String() }), binary: true },
    ask: { request: id, reply: Type.Unknown() },
    items: { request: id, stream: Type.Unknown() },
    result,
    cancelled: Type.Object({})
  },
  serverToClient: {
    echo: Type.Object({ value: Type.Unknown() }, { title: 'Send `echo` with the same value.' }),
    picture: {
      payload: Type.Object({ title: Type.String() }, { title: 'Send `picture` with the same title, and the same bytes.' }),
      binary: true
    },
    call: Type.Object({ id: Type.Integer() }, { title: 'Call `ask` with this `id`; when it has ended, send `result`.' }),
    stream: Type.Object(
      { id: Type.Integer(), take: Type.Optional(Type.Integer()) },
      { title: 'Ask for the stream `items` with this `id`; end it after `take` items; then send `result`, its `data` a list of the items.' }
    ),
    cancel: Type.Object({ id: Type.Integer() }, { title: 'Cancel the call `ask` that has this `id`, and send no `result` of it.' }),
    leave: Type.Object({}, { title: 'Close the client.' }),
    question: { request: value, reply: Type.Unknown(), summary: 'Answer with the value.' },
    refuse: { request: Type.Object({}), reply: Type.Unknown(), summary: 'Fail with `statusCode` 409 and the code `REFUSED`.' },
    wait: { request: Type.Object({}), reply: Type.Unknown(), summary: 'Never answer; when it is cancelled, send `cancelled`.' }
  },
  binary: { clientToServer: true, serverToClient: true }
})
