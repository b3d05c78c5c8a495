// @ts-check
// Clients that open a connection and then read nothing more, or, for comparison, read everything.
// Told by the runner how many.
import { connect } from 'node:net'
import { upgradeRequest } from './wire.js'

const OPEN_AT_ONCE = 50
// One buffer for all clients: received data is not kept.
const buffer = new Uint8Array(65_536)

/** @type {import('node:net').Socket[]} */
const sockets = []

/**
 * @param {number} port
 * @param {string} path
 * @param {boolean} reads
 */
function open (port, path, reads) {
  return new Promise((resolve, reject) => {
    const callback = () => {
      resolve(undefined)
      return reads
    }
    const socket = connect({ host: '127.0.0.1', port, onread: { buffer, callback } })
    sockets.push(socket)
    socket.write(upgradeRequest(port, path))
    socket.once('error', reject)
    socket.on('error', () => {})
  })
}

const commands = {
  /** @param {{ port: number, path: string, reads: boolean, connections: number }} command */
  async open ({ port, path, reads, connections }) {
    while (sockets.length < connections) {
      await Promise.all(Array.from({ length: Math.min(OPEN_AT_ONCE, connections - sockets.length) }, () => open(port, path, reads)))
    }
  },

  close () {
    for (const socket of sockets.splice(0)) socket.destroy()
  }
}

process.on(
  'message',
  async (/** @type {any} */ command) => process.send?.({
    result: await commands[/** @type {'close'} */ (command.name)](/** @type {never} */ (command))
  })
)
process.on('disconnect', () => process.exit())
