import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Teardown } from '../support/helper.js'

/** A TCP connection's way to the server, which can fail. */
export class Line {
  readonly port: number
  readonly #server: Server
  readonly #sockets: Set<Socket>

  private constructor (server: Server, sockets: Set<Socket>) {
    this.port = (server.address() as AddressInfo).port
    this.#server = server
    this.#sockets = sockets
  }

  static async open (t: Teardown, targetPort: number): Promise<Line> {
    const sockets = new Set<Socket>()
    const server = createServer((near) => {
      const far = connect(targetPort, '127.0.0.1')
      for (const [socket, other] of [[near, far], [far, near]] as const) {
        sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => { sockets.delete(socket); other.destroy() })
        socket.pipe(other)
      }
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const line = new Line(server, sockets)
    t.teardown(() => line.cut())
    return line
  }

  cut (): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  async mend (): Promise<void> {
    await once(this.#server.listen(this.port, '127.0.0.1'), 'listening')
  }
}
