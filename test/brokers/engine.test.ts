import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { Engine } from '../support/engine.js'
import { until } from '../support/helper.js'

/** A server that kills itself as soon as it is sent something. */
async function mortal (): Promise<Engine> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const code = `
    net.createServer((socket) => socket.on('error', () => {}).on('data', () => process.kill(process.pid, 'SIGKILL')))
      .listen(${port}, '127.0.0.1')`
  return new Engine('env', port, ['-u', 'NODE_OPTIONS', process.execPath, '-e', code])
}

t.test('an engine that a signal ends while it starts is not waited for', async (t) => {
  await t.rejects(new Engine('sh', 1, ['-c', 'kill -9 $$']).start(), { message: 'sh ended with SIGKILL' })
  await t.rejects(new Engine('sh', 1, ['-c', 'exit 7']).start(), { message: 'sh ended with 7' })
})

t.test('an engine that a signal has ended is not waited for, and cannot hang', async (t) => {
  const engine = await mortal()
  await engine.start()
  t.teardown(() => engine.kill())
  t.ok(engine.isRunning)
  const socket = connect(engine.port, '127.0.0.1').on('error', () => {})
  socket.write('die')
  await until(() => !engine.isRunning)
  t.throws(() => engine.hang(), { message: 'env does not run' })
  await engine.kill()
  t.throws(() => engine.hang(), { message: 'env does not run' })
})
