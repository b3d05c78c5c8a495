// @ts-check
// tRPC over WebSockets: a mutation for each message, whose input and output it checks by Zod, and a
// subscription for the members of the room.
import { EventEmitter, on } from 'node:events'
import { initTRPC } from '@trpc/server'
import { applyWSSHandler } from '@trpc/server/adapters/ws'
import { WebSocketServer } from 'ws'
import { MAX_PAYLOAD_BYTES } from '../messages.js'
import { report } from '../row.js'
import { incoming, outgoing } from './schemas.js'

const t = initTRPC.context().create()
const { procedure } = t
const room = new EventEmitter().setMaxListeners(0)

/** @param {object} message @param {any} context */
function cast (message, { id }) {
  room.emit('message', message, id)
}

const router = t.router({
  say: procedure.input(incoming.say).output(outgoing.say).mutation(({ input }) => ({ type: /** @type {const} */ ('said'), ...input })),
  move: procedure.input(incoming.move).output(outgoing.move).mutation(({ input }) => ({ type: /** @type {const} */ ('moved'), ...input })),
  vote: procedure.input(incoming.vote).output(outgoing.vote).mutation(({ input }) => ({ type: /** @type {const} */ ('voted'), ...input })),
  cast: t.router({
    say: procedure.input(incoming.say).mutation(({ input, ctx }) => cast(outgoing.say.parse({ type: 'said', ...input }), ctx)),
    move: procedure.input(incoming.move).mutation(({ input, ctx }) => cast(outgoing.move.parse({ type: 'moved', ...input }), ctx)),
    vote: procedure.input(incoming.vote).mutation(({ input, ctx }) => cast(outgoing.vote.parse({ type: 'voted', ...input }), ctx))
  }),
  room: procedure.subscription(async function * ({ ctx, signal }) {
    for await (const [message, sender] of on(room, 'message', { signal })) {
      if (sender !== /** @type {any} */ (ctx).id) yield message
    }
  })
})

const wss = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, maxPayload: MAX_PAYLOAD_BYTES })
applyWSSHandler({ wss, router, createContext: () => ({ id: {} }) })
wss.on('listening', () => report(/** @type {import('node:net').AddressInfo} */ (wss.address()).port))
