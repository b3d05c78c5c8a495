// @ts-check
// Clients that send as fast as TCP takes it, and read whatever comes. Told by the runner how many,
// and when.
import { once } from 'node:events'
import { connect } from 'node:net'
import { CYCLE, MAX_WINDOW, Script, upgradeRequest } from './wire.js'

const OPEN_AT_ONCE = 50
// One buffer for all clients: received data is not kept.
const buffer = new Uint8Array(65_536)
// One sequence of frames for all clients, made once: making frames would cost their time.
const script = new Script('plain', { path: '/', shape: 'small' })
const runs = Array.from({ length: 10 * CYCLE / MAX_WINDOW }, (_, i) => script.framesFrom(i * MAX_WINDOW % CYCLE, MAX_WINDOW))
const frames = Buffer.concat(runs)

/** @type {import('node:net').Socket[]} */
const sockets = []
let isOver = false
let taken = 0

/**
 * @param {number} port
 * @param {string} path
 */
async function open (port, path) {
  let onHead = () => {}
  const opened = new Promise((resolve) => { onHead = () => resolve(undefined) })
  const callback = () => {
    onHead()
    return true
  }
  const socket = connect({ host: '127.0.0.1', port, noDelay: true, onread: { buffer, callback } })
  socket.write(upgradeRequest(port, path))
  await Promise.race([opened, once(socket, 'close')])
  socket.on('error', () => {})
  sockets.push(socket)
}

/**
 * The next write begins when the last one is in the hands of TCP.
 *
 * @param {import('node:net').Socket} socket
 */
function send (socket) {
  socket.write(frames, (error) => {
    if (isOver || error) return
    taken += frames.length
    send(socket)
  })
}

const commands = {
  /** @param {{ port: number, path: string, connections: number }} command */
  async open ({ port, path, connections }) {
    while (sockets.length < connections) {
      await Promise.all(Array.from({ length: Math.min(OPEN_AT_ONCE, connections - sockets.length) }, () => open(port, path)))
    }
  },

  /** @param {{ seconds: number }} command */
  async flood ({ seconds }) {
    for (const socket of sockets) send(socket)
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    isOver = true
    return { taken, closed: sockets.filter(({ destroyed }) => destroyed).length }
  }
}

process.on(
  'message',
  async (/** @type {any} */ command) => process.send?.({
    result: await commands[/** @type {'flood'} */ (command.name)](/** @type {never} */ (command))
  })
)
process.on('disconnect', () => process.exit())
