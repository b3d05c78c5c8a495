// @ts-check
// Clients with one call in flight each, which count what becomes of it. Told by the runner how
// many.
import { once } from 'node:events'
import { WebSocket } from 'ws'

const OPEN_AT_ONCE = 50
const RETRY_AFTER = /^retry-after-ms=\d+$/

/** @type {WebSocket[]} */
const sockets = []
const seen = { replies: 0, wrong: 0, goodbyes: 0, others: 0, closed: 0 }

/**
 * @param {WebSocket} socket
 * @param {number} n
 */
function watch (socket, n) {
  socket.on('message', (data) => {
    const { type, ref, data: reply } = JSON.parse(String(data))
    if (type === '$reply' && ref === 1 && reply === 2 * n) seen.replies++
    else seen.wrong++
  })
  socket.on('error', () => {})
  socket.on('close', (code, reason) => {
    seen.closed++
    if (code === 1012 && RETRY_AFTER.test(String(reason))) seen.goodbyes++
    else seen.others++
  })
}

const commands = {
  /** @param {{ port: number, connections: number }} command */
  async open ({ port, connections }) {
    while (sockets.length < connections) {
      const opening = Array.from({ length: Math.min(OPEN_AT_ONCE, connections - sockets.length) }, (_, i) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false })
        watch(socket, sockets.length + i)
        return socket
      })
      await Promise.all(opening.map((socket) => once(socket, 'open')))
      sockets.push(...opening)
    }
  },

  /** @param {{ takesMs: number }} command */
  call ({ takesMs }) {
    for (const [n, socket] of sockets.entries()) socket.send(JSON.stringify({ type: 'double', ref: 1, n, takesMs }))
  },

  async count () {
    while (seen.closed < sockets.length) {
      await Promise.race(
        sockets.filter(({ readyState }) => readyState !== WebSocket.CLOSED).slice(0, 1).map((socket) => once(socket, 'close'))
      )
    }
    return seen
  }
}

process.on(
  'message',
  async (/** @type {any} */ command) => process.send?.({
    result: await commands[/** @type {'count'} */ (command.name)](/** @type {never} */ (command))
  })
)
process.on('disconnect', () => process.exit())
