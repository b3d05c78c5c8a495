// The types that a route infers without an annotation, and the options that it refuses.
import { expectTypeOf } from 'expect-type'
import { Type } from '@sinclair/typebox'
import { Type as Type1 } from 'typebox'
import type { FastifyInstance } from 'fastify'
import typedWs, {
  defineContract, type CloseEvent, type ErrorHandler, type MessageHandler, type MessageHook, type ReceivedMessage, type Socket
} from '../../lib/index.js'

declare const app: FastifyInstance

const chat = defineContract({
  name: 'chat',
  clientToServer: {
    say: Type.Object({ text: Type.String() }),
    ask: { request: Type.Object({ n: Type.Number() }), reply: Type.Object({ answer: Type.String() }) }
  },
  serverToClient: { said: Type.Object({ text: Type.String(), id: Type.String() }) },
  binary: { clientToServer: true, serverToClient: true }
})
const chat1 = defineContract({
  name: 'chat1',
  clientToServer: {
    say: Type1.Object({ text: Type1.String() }),
    ask: { request: Type1.Object({ n: Type1.Number() }), reply: Type1.Object({ answer: Type1.String() }) }
  },
  serverToClient: { said: Type1.Object({ text: Type1.String(), id: Type1.String() }) }
})
const quiet = defineContract({ name: 'quiet', serverToClient: { tick: Type.Object({}) } })

const say = (): void => {}
const ask = (): { answer: string } => ({ answer: '' })
const binary = (): void => {}

const same: FastifyInstance = app.ws('/chat', {
  contract: chat,
  async onRequest (request, reply) {
    expectTypeOf(request.url).toEqualTypeOf<string>()
    reply.header('x', 'y')
  },
  async preHandler (request) { expectTypeOf(request.ws).toEqualTypeOf<boolean>() },
  handler: (request, reply) => reply.send(request.url),
  open (socket) {
    expectTypeOf(socket.contract.name).toEqualTypeOf<'chat'>()
    expectTypeOf(socket.request.url).toEqualTypeOf<string>()
    expectTypeOf(socket.request.params).toEqualTypeOf<unknown>()
    expectTypeOf(socket.send('said', { text: '', id: '' })).toEqualTypeOf<boolean>()
    expectTypeOf(socket.topics).toEqualTypeOf<ReadonlySet<string>>()
  },
  on: {
    say (payload, socket) {
      expectTypeOf(payload).toEqualTypeOf<{ text: string }>()
      socket.publish('room', 'said', { text: payload.text, id: socket.id })
    },
    async ask ({ n }) {
      expectTypeOf(n).toEqualTypeOf<number>()
      return { answer: String(n) }
    }
  },
  binary (data, socket) {
    expectTypeOf(data).toEqualTypeOf<Buffer>()
    socket.sendBinary(data)
    for (const bytes of [new ArrayBuffer(1), new SharedArrayBuffer(1), new DataView(new ArrayBuffer(1)), new Blob([])]) {
      socket.sendBinary(bytes)
    }
  },
  close (_socket, event) { expectTypeOf(event).toEqualTypeOf<CloseEvent>() },
  errorHandler (error, socket, message) {
    expectTypeOf(error).toEqualTypeOf<unknown>()
    expectTypeOf(message).toEqualTypeOf<ReceivedMessage | undefined>()
    socket.close()
  }
})
same.get('/', () => 'the instance goes on')

app.ws('/chat1', {
  contract: chat1,
  on: {
    say (payload, socket) {
      expectTypeOf(payload).toEqualTypeOf<{ text: string }>()
      socket.send('said', { text: payload.text, id: '' })
    },
    ask: ({ n }) => ({ answer: String(n) })
  }
})

// Hooks around messages.
const everywhere: FastifyInstance = app.addMessageHook(function (payload, socket, { type, ref, signal }) {
  expectTypeOf(this).toEqualTypeOf<FastifyInstance>()
  expectTypeOf(payload).toEqualTypeOf<unknown>()
  expectTypeOf(type).toEqualTypeOf<string | undefined>()
  expectTypeOf(ref).toEqualTypeOf<number | undefined>()
  signal.throwIfAborted()
  socket.log.info(socket.request.url)
})
everywhere.ws('/hooked', {
  contract: chat,
  onMessage: [(_, socket, { type }) => {
    expectTypeOf(type).toEqualTypeOf<'say' | 'ask' | undefined>()
    socket.send('said', { text: '', id: '' })
  }, async () => {}],
  on: { say, ask },
  binary
})
const audit: MessageHook = (_, socket) => { socket.log.info('heard') }
app.ws('/audited', { contract: chat, onMessage: audit, on: { say, ask }, binary })
// A hook for every contract takes no part in the types of the handlers.
app.ws('/inline', { contract: chat, onMessage: audit, on: { say: ({ text }) => expectTypeOf(text).toEqualTypeOf<string>(), ask }, binary })
app.register(typedWs, { onMessage: [audit] })

// Nothing to hear, nothing to handle.
app.ws('/quiet', { contract: quiet, open: (socket) => socket.send('tick', {}) })

// Written apart.
const onSay: MessageHandler<typeof chat['clientToServer']['say'], typeof chat> = ({ text }, socket) => {
  return socket.send('said', { text, id: socket.id })
}
const onError: ErrorHandler<typeof chat> = (_error, socket) => { socket.terminate() }
const greet = (socket: Socket<typeof chat>): void => { socket.send('said', { text: 'hello', id: socket.request.id }) }
app.ws('/apart', { contract: chat, open: greet, on: { say: onSay, ask }, binary, errorHandler: onError })

// A channel.
const channel = app.channel(chat)
expectTypeOf(channel.publish('room', 'said', { text: '', id: '' })).toEqualTypeOf<Promise<void>>()
expectTypeOf(channel.disconnect((socket) => socket.request.ip === '::1')).toEqualTypeOf<Promise<number>>()

// @ts-expect-error -- a handler is missing
app.ws('/', { contract: chat, on: { say }, binary })
// @ts-expect-error -- all handlers are missing
app.ws('/', { contract: chat, binary })
// @ts-expect-error -- the contract is missing
app.ws('/', { on: {} })
// @ts-expect-error -- a handler for what is never said
app.ws('/', { contract: chat, on: { say, ask, shout: say }, binary })
// @ts-expect-error -- a wrong reply
app.ws('/', { contract: chat, on: { say, ask: () => ({ answer: 1 }) }, binary })
// @ts-expect-error -- a wrong reply, later
app.ws('/', { contract: chat, on: { say, ask: async () => await Promise.resolve('answer') }, binary })
// @ts-expect-error -- no reply
app.ws('/', { contract: chat, on: { say, ask () {} }, binary })
// @ts-expect-error -- a payload that is not the contract's
app.ws('/', { contract: chat, on: { say: (_payload: { texts: string }) => {}, ask }, binary })
// @ts-expect-error -- the binary handler is missing
app.ws('/', { contract: chat, on: { say, ask } })
// @ts-expect-error -- binary frames are not allowed
app.ws('/', { contract: chat1, on: { say, ask }, binary })
// @ts-expect-error -- an option that does not exist
app.ws('/', { contract: quiet, maxPayload: 1 })
// @ts-expect-error -- a GET has no body
app.ws('/', { contract: quiet, bodyLimit: 1 })

declare const socket: Socket<typeof chat>
declare const socket1: Socket<typeof chat1>
// @ts-expect-error -- a wrong payload
socket.send('said', { text: 1, id: '' })
// @ts-expect-error -- part of a payload
socket.send('said', { text: '' })
// @ts-expect-error -- a property the contract does not declare
socket.send('said', { text: '', id: '', secret: 1 })
// @ts-expect-error -- an unknown event
socket.send('shouted', {})
// @ts-expect-error -- what only clients say
socket.send('say', { text: '' })
// @ts-expect-error -- a wrong payload
socket.publish('room', 'said', { text: 1, id: '' })
// @ts-expect-error -- an unknown event
socket.publish('room', 'shouted', {})
// @ts-expect-error -- binary frames are not allowed
socket1.sendBinary(new Uint8Array())
// @ts-expect-error -- text is not binary
socket.sendBinary('text')
// @ts-expect-error -- a wrong payload
void channel.publish('room', 'said', { text: 1, id: '' })
// @ts-expect-error -- an unknown event
void channel.publish('room', 'shouted', {})
// @ts-expect-error -- not a contract
app.channel({ name: 'x' })
// @ts-expect-error -- topics are joined, not written to
socket.topics.add('room')
