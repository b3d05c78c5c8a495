// Options written apart, `this`, hooks of every provider, and a logger of the app's own.
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import { expectTypeOf } from 'expect-type'
import { Type } from '@sinclair/typebox'
import { Type as Type1 } from 'typebox'
import type { TypeBoxTypeProvider as TypeBox1TypeProvider } from '@fastify/type-provider-typebox'
import type { TypeBoxTypeProvider as TypeBox0TypeProvider } from 'type-provider-typebox-5'
import Fastify from 'fastify'
import type { RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify'
import {
  defineContract, type AnyContract, type BinaryHandler, type Channel, type CloseHandler, type Infer,
  type MessageHandlers, type OpenHandler, type Payload, type ReceivedMessage, type Socket, type WebSocketRouteOptions
} from '../../lib/index.js'

declare const app: FastifyInstance

const chat = defineContract({
  name: 'chat',
  clientToServer: {
    say: Type.Object({ text: Type.String() }),
    ask: { request: Type.Object({ n: Type.Number() }), reply: Type.Object({ answer: Type.String() }) }
  },
  serverToClient: { said: Type.Object({ text: Type.String() }) },
  binary: { clientToServer: true }
})
const quiet = defineContract({ name: 'quiet', clientToServer: { hi: Type.Object({}) } })

// Options, and each of their handlers, written apart.
const options: WebSocketRouteOptions<typeof chat> = {
  contract: chat,
  maxPayloadBytes: 1024,
  on: {
    say: ({ text }, socket) => expectTypeOf(socket.send('said', { text })).toEqualTypeOf<boolean>(),
    ask: async ({ n }) => ({ answer: String(n) })
  },
  binary: (data) => expectTypeOf(data).toEqualTypeOf<Buffer>()
}
app.ws('/', options)
const on: MessageHandlers<typeof chat> = { say () {}, ask: ({ n }) => ({ answer: String(n) }) }
const open: OpenHandler<typeof chat> = async (socket) => { await socket.subscribe('room') }
const close: CloseHandler<typeof chat> = (socket, { wasClean }) => { if (wasClean) socket.log.info('bye') }
const binary: BinaryHandler<typeof chat> = (data, socket) => { socket.log.info(data.length) }
app.ws('/', { contract: chat, on, open, close, binary })
const some: WebSocketRouteOptions[] = [{ contract: quiet, on: { hi () {} } }]
expectTypeOf(some[0]!.contract.name).toEqualTypeOf<string>()
// @ts-expect-error -- a handler is missing
const partial: WebSocketRouteOptions<typeof chat> = { contract: chat, on: { say () {} }, binary }
expectTypeOf(partial.contract).toEqualTypeOf(chat)
// @ts-expect-error -- this contract's client sends no binary frames
const mute: WebSocketRouteOptions<typeof quiet> = { contract: quiet, on: { hi () {} }, binary () {} }
expectTypeOf(mute.contract).toEqualTypeOf(quiet)

// Handlers in files of their own, with the params of their route: a test may call them.
interface Room { Params: { room: string } }
const inRoom: MessageHandlers<typeof chat, FastifyRequest<Room>> = {
  say: ({ text }, socket) => { socket.publish(socket.request.params.room, 'said', { text }) },
  ask: ({ n }) => ({ answer: String(n) })
}
const ask: MessageHandlers<typeof chat, FastifyRequest<Room>>['ask'] = ({ n }, { request }) => ({
  answer: `${n} in ${request.params.room}`
})
const withCost: MessageHandlers<typeof chat, FastifyRequest<Room>, true> = { ...inRoom, ask: { cost: 5, handler: ask } }
app.ws('/:room', { contract: chat, on: inRoom, binary })
app.ws('/:room', { contract: chat, on: withCost, binary })
app.ws<typeof chat, Room>('/:room', { contract: chat, on: { ...inRoom, ask }, open: ({ request }) => request.params.room, binary })
app.withTypeProvider<TypeBox0TypeProvider>().ws('/:room', {
  contract: chat,
  schema: { params: Type.Object({ room: Type.String() }) },
  on: inRoom,
  binary
})
declare const inKitchen: Socket<typeof chat, FastifyRequest<Room>>
declare const message: ReceivedMessage
expectTypeOf(inRoom.ask({ n: 1 }, inKitchen, message)).toEqualTypeOf<{ answer: string } | Promise<{ answer: string }>>()
// The part of a request that a handler reads is enough, whatever infers the rest.
const reading: MessageHandlers<typeof chat, { params: { room: string } }> = {
  say () {},
  ask: (_, { request }) => ({ answer: request.params.room })
}
app.withTypeProvider<TypeBox0TypeProvider>().ws('/:room', {
  contract: chat,
  schema: { params: Type.Object({ room: Type.String() }) },
  on: { ...reading, say: (_, socket) => { socket.log.info(socket.request.params.room) } },
  binary
})
// @ts-expect-error -- the params of another route
app.ws<typeof chat, { Params: { user: string } }>('/:user', { contract: chat, on: inRoom, binary })
// @ts-expect-error -- a handler with a cost is no function
const plain: MessageHandlers<typeof chat> = { say () {}, ask: { cost: 5, handler: () => ({ answer: '' }) } }
expectTypeOf(plain).toEqualTypeOf(on)

// An instance of a class, whose fields are ignored.
class Handlers {
  readonly greeting = 'hello'
  say (_: { text: string }, socket: Socket<typeof chat>): void { socket.send('said', { text: this.greeting }) }
  ask ({ n }: { n: number }): { answer: string } { return { answer: `${this.greeting} ${n}` } }
}
app.ws('/', { contract: chat, on: new Handlers(), binary })

// A hook for several routes, added by a function for all contracts.
async function onRequest (request: FastifyRequest): Promise<void> { request.log.info('knocked') }
const signedIn = <C extends AnyContract>(route: WebSocketRouteOptions<C>) => ({ ...route, onRequest })
function signedInToo<C extends AnyContract> (route: WebSocketRouteOptions<C>): WebSocketRouteOptions<C> {
  return { ...route, onRequest }
}
function declare<C extends AnyContract> (path: string, route: WebSocketRouteOptions<C>): void {
  app.ws(path, { ...route, onRequest })
}
app.ws('/', signedIn({ contract: quiet, on: { hi (payload) { expectTypeOf(payload).toEqualTypeOf<{}>() } } }))
app.ws('/', signedInToo({ contract: quiet, on: { hi (payload) { expectTypeOf(payload).toEqualTypeOf<{}>() } } }))
declare('/', { contract: quiet, on: { hi (payload) { expectTypeOf(payload).toEqualTypeOf<{}>() } } })
// @ts-expect-error -- a handler is missing
app.ws('/', signedIn({ contract: quiet, on: {} }))

// A function that is written apart also serves a route whose request is typed by a provider;
// sockets of all contracts go together.
function tell (socket: Socket<typeof chat>, said: Payload<typeof chat['serverToClient']['said']>): boolean {
  return socket.send('said', said)
}
function idOf (socket: Socket): string {
  return socket.id
}
const rooms = new Map<Socket<typeof chat>, string>()
const everybody = new Set<Socket>()
app.ws('/', { ...options, open (socket) { rooms.set(socket, idOf(socket)) } })
app.withTypeProvider<TypeBox0TypeProvider>().ws('/:room', {
  contract: chat,
  schema: { params: Type.Object({ room: Type.String() }) },
  open,
  on,
  close: idOf,
  binary
})
app.withTypeProvider<TypeBox1TypeProvider>().ws('/:room', {
  contract: chat,
  schema: { params: Type1.Object({ room: Type1.String() }) },
  open (socket) {
    everybody.add(socket)
    rooms.set(socket, socket.request.params.room)
    tell(socket, { text: idOf(socket) })
  },
  on,
  binary
})
const channels: Channel[] = [app.channel(chat), app.channel(quiet)]
const contracts: AnyContract[] = [chat, quiet, ...channels.map(({ contract }) => contract)]
expectTypeOf(contracts[0]!.name).toEqualTypeOf<string>()
for (const socket of app.channel(chat).sockets()) tell(socket, { text: '' })
// @ts-expect-error -- a socket of another contract says other things
app.ws('/', { contract: quiet, open: (socket) => { tell(socket, { text: '' }) }, on: { hi () {} } })

// `this`: the instance in hooks and the HTTP handler, as in any route; the handlers of messages
// have each other.
app.ws('/', {
  contract: quiet,
  async onRequest () { expectTypeOf(this).toEqualTypeOf<FastifyInstance>() },
  preHandler (_request, _reply, done) {
    expectTypeOf(this.server).toEqualTypeOf<RawServerDefault>()
    done()
  },
  handler () { expectTypeOf(this).toEqualTypeOf<FastifyInstance>() },
  on: { hi (_payload, socket) { socket.close(1000, 'bye') } }
})

// Hooks, one or several, by name or written apart.
const authenticate: onRequestHookHandler = (request, _reply, done) => {
  done(request.headers.authorization === undefined ? new Error('who are you?') : undefined)
}
app.ws('/', {
  contract: quiet,
  onRequest: [authenticate, async (request: FastifyRequest, reply: FastifyReply) => { reply.header('x-path', request.url) }],
  on: { hi () {} }
})
app.ws('/', {
  contract: quiet,
  onSend: async (request, reply, payload) => {
    expectTypeOf(request.url).toEqualTypeOf<string>()
    expectTypeOf(reply.statusCode).toEqualTypeOf<number>()
    return payload
  },
  onResponse: async (_request, reply) => { expectTypeOf(reply.elapsedTime).toEqualTypeOf<number>() },
  onError: async (_request, _reply, error) => { expectTypeOf(error.message).toEqualTypeOf<string>() },
  config: { rateLimit: { max: 1 } },
  constraints: { host: 'example.com' },
  logLevel: 'warn',
  on: { hi () {} }
})

// Hooks, the HTTP handler and the socket see what the provider infers, of either line.
app.withTypeProvider<TypeBox1TypeProvider>().ws('/:room', {
  contract: quiet,
  schema: { params: Type1.Object({ room: Type1.String() }), headers: Type1.Object({ 'x-token': Type1.String() }) },
  onRequest: async (request, reply) => {
    expectTypeOf(request.params).toEqualTypeOf<{ room: string }>()
    reply.header('x-room', request.params.room)
  },
  preHandler: [(request, _reply, done) => {
    expectTypeOf(request.headers['x-token']).toEqualTypeOf<string>()
    done()
  }],
  handler: (request) => request.params.room,
  close: (socket) => { expectTypeOf(socket.request.headers['x-token']).toEqualTypeOf<string>() },
  errorHandler: (_error, socket) => { expectTypeOf(socket.request.params.room).toEqualTypeOf<string>() },
  on: { hi () {} }
})
app.withTypeProvider<TypeBox0TypeProvider>().ws('/:room', {
  contract: chat,
  schema: { params: Type.Object({ room: Type.String() }) },
  close: (socket, { code }) => { socket.log.info({ code, room: socket.request.params.room }) },
  errorHandler: (_error, socket) => { expectTypeOf(socket.request.params.room).toEqualTypeOf<string>() },
  binary: (_data, socket) => { expectTypeOf(socket.request.params.room).toEqualTypeOf<string>() },
  on: {
    say: (_, socket) => { socket.publish(socket.request.params.room, 'said', { text: '' }) },
    ask: ({ n }, socket) => ({ answer: `${n} in ${socket.request.params.room}` })
  }
})
app.withTypeProvider<TypeBox1TypeProvider>().ws('/:room', {
  contract: quiet,
  schema: { params: Type1.Object({ room: Type1.String() }) },
  // @ts-expect-error -- the schema has no such parameter
  open: (socket) => socket.request.params.rooms,
  on: { hi () {} }
})
// Without a provider, what a route is told by hand.
app.ws<typeof quiet, { Params: { room: string } }>('/:room', {
  contract: quiet,
  open: (socket) => expectTypeOf(socket.request.params.room).toEqualTypeOf<string>(),
  on: { hi () {} }
})

// A logger of the app's own.
interface Logger extends FastifyBaseLogger { audit (what: string): void }
declare const logger: Logger
const logged: FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, Logger> = Fastify(
  { loggerInstance: logger }
)
logged.ws('/', {
  contract: quiet,
  onRequest: async (request) => { request.log.audit('knocked') },
  open: (socket) => { socket.request.log.audit('entered') },
  on: { hi () {} }
})

// Everything a message may be.
export const Shape = Type.Intersect([
  Type.Object({ a: Type.Optional(Type.Number()) }),
  Type.Union([Type.Object({ k: Type.Literal('x') }), Type.Object({ k: Type.Literal('y'), n: Type.Null() })])
])
expectTypeOf<Infer<typeof Shape>>().toEqualTypeOf<{ a?: number } & ({ k: 'x' } | { k: 'y', n: null })>()
export const Shape1 = Type1.Union([
  Type1.Object({ k: Type1.Literal('x'), list: Type1.Array(Type1.Tuple([Type1.String(), Type1.Number()])) }),
  Type1.Object({ k: Type1.Literal('y') })
])
expectTypeOf<Infer<typeof Shape1>>().toEqualTypeOf<{ k: 'x', list: Array<[string, number]> } | { k: 'y' }>()
export const Map0 = Type.Record(Type.String(), Type.Number())
expectTypeOf<Infer<typeof Map0>>().toEqualTypeOf<Record<string, number>>()
export const Script1 = Type1.Script('{ a: number, b?: "x" | "y" }')
expectTypeOf<Infer<typeof Script1>>().toEqualTypeOf<{ a: number, b?: 'x' | 'y' }>()
