// A fake socket is typed by its contract, and takes the place of a real one.
import type { FastifyRequest } from 'fastify'
import { expectTypeOf } from 'expect-type'
import { Type } from '@sinclair/typebox'
import { defineContract, type ReceivedMessage, type Socket } from '../../lib/index.js'
import { fakeMessage, fakeSocket } from '../../lib/testing/index.js'

const chat = defineContract({
  name: 'chat',
  clientToServer: { say: Type.Object({ text: Type.String() }) },
  serverToClient: {
    said: Type.Object({ text: Type.String() }),
    left: Type.Object({ id: Type.Number() }),
    confirm: { request: Type.Object({ question: Type.String() }), reply: Type.Boolean() }
  }
})
type Room = FastifyRequest<{ Params: { room: string } }>

const socket = fakeSocket(chat, { request: { id: 'r1' } })
expectTypeOf(socket).toMatchTypeOf<Socket<typeof chat>>()
expectTypeOf(socket.sent[0]!).toEqualTypeOf<{ readonly type: 'said', readonly payload: { text: string } } | {
  readonly type: 'left', readonly payload: { id: number }
}>()
expectTypeOf(socket.published[0]!.topic).toEqualTypeOf<string>()
expectTypeOf(socket.called[0]!.payload).toEqualTypeOf<{ question: string }>()
socket.handle('confirm', ({ question }) => question === '')
// @ts-expect-error -- the reply is a boolean
socket.handle('confirm', () => 'yes')
// @ts-expect-error -- an event is not answered
socket.handle('said', () => true)
// @ts-expect-error -- a request has no such property
fakeSocket(chat, { request: { nothing: 1 } })

const inRoom = fakeSocket<typeof chat, Room>(chat, { request: { params: { room: 'lobby' } } })
expectTypeOf(inRoom.request.params).toEqualTypeOf<{ room: string }>()

function say (_payload: { text: string }, socket: Socket<typeof chat>, _message: ReceivedMessage): void {
  socket.send('left', { id: 1 })
}
say({ text: 'hi' }, socket, fakeMessage('say'))
expectTypeOf(fakeMessage('say')).toMatchTypeOf<ReceivedMessage<'say'>>()
