// @ts-check
// Elysia, on Node or on Bun: messages and replies as its own schemas, which it checks.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Elysia, t } from 'elysia'
import { MAX_PAYLOAD_BYTES, answer, callAnswer } from '../messages.js'
import { report } from '../row.js'

const say = {
  room: t.String({ minLength: 1, maxLength: 64 }),
  text: t.String({ minLength: 1, maxLength: 2000 }),
  date: t.Integer({ minimum: 0 })
}
const move = {
  unit: t.String({ minLength: 1, maxLength: 64 }),
  x: t.Number(),
  y: t.Number(),
  last: t.Boolean(),
  note: t.String({ maxLength: 2000 })
}
const vote = {
  poll: t.String({ minLength: 1, maxLength: 64 }),
  choice: t.Integer({ minimum: 1, maximum: 9 }),
  why: t.Optional(t.String({ maxLength: 2000 }))
}

/** @param {[string, string, string]} names @param {object} [more] */
function union ([saying, moving, voting], more = {}) {
  return t.Union([
    t.Object({ type: t.Literal(saying), ...more, ...say }),
    t.Object({ type: t.Literal(moving), ...more, ...move }),
    t.Object({ type: t.Literal(voting), ...more, ...vote })
  ])
}

const body = union(['say', 'move', 'vote'])
const response = union(['said', 'moved', 'voted'])
const call = union(['say', 'move', 'vote'], { ref: t.Integer() })
const reply = t.Object({ type: t.Literal('$reply'), ref: t.Integer(), data: t.Union([t.Object(say), t.Object(move), t.Object(vote)]) })

const isBun = 'Bun' in globalThis
const adapter = isBun ? {} : { adapter: (await import('@elysiajs/node')).node() }
// The adapter for Node parses JSON only where a route has a `parse` of its own.
/** @type {object} */
const parse = isBun ? {} : { parse: (/** @type {unknown} */ _, /** @type {unknown} */ message) => message }
const app = new Elysia({ ...adapter, websocket: { maxPayloadLength: MAX_PAYLOAD_BYTES, perMessageDeflate: false } })
  .ws('/echo', { ...parse, body, response, message: (ws, message) => { ws.send(/** @type {any} */ (answer(message))) } })
  .ws('/call', { ...parse, body: call, response: reply, message: (ws, message) => { ws.send(/** @type {any} */ (callAnswer(message))) } })
  .ws('/room', {
    ...parse,
    body,
    response,
    open: (ws) => { ws.subscribe('room') },
    message: (ws, message) => { ws.publish('room', /** @type {any} */ (answer(message))) }
  })

const port = await freePort()
app.listen({ port, hostname: '127.0.0.1' })
await listening(port)
report(port)

// The adapter for Node tells neither the port it got nor when it listens.
async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  server.close()
  await once(server, 'close')
  return port
}

/** @param {number} port */
async function listening (port) {
  for (let tries = 0; tries < 500; tries++) {
    const socket = connect(port, '127.0.0.1')
    const isThere = await once(socket, 'connect').then(() => true, () => false)
    socket.destroy()
    if (isThere) return
    await delay(10)
  }
}
