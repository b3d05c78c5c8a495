// Starts the chat. PORT and HOST say where; TLS_KEY and TLS_CERT name the files that make it https;
// COOKIE_KEY signs its cookies. With REDIS_URL it is one of several nodes: NODE is its name.
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import { cookieKey } from './key.js'
import { buildServer } from './server.js'

const { PORT = '3000', HOST = 'localhost', TLS_KEY, TLS_CERT, REDIS_URL, NODE = 'node' } = process.env

const app = buildServer({
  key: cookieKey(),
  tls: TLS_KEY !== undefined && TLS_CERT !== undefined ? { key: readFileSync(TLS_KEY), cert: readFileSync(TLS_CERT) } : undefined,
  ...(REDIS_URL !== undefined && { cluster: { redisUrl: REDIS_URL, node: `${NODE} (pid ${process.pid})` }, logger: { level: 'warn' } })
})
// On SIGTERM every page is told when to come back; what the plugin's own limit does not end, this
// one does.
const { close } = closeWithGrace({ delay: 10_000, logger: app.log }, async ({ err }) => {
  if (err !== undefined) app.log.error({ err }, 'the chat ends for a fault')
  await app.close()
})
await app.listen({ port: Number(PORT), host: HOST })
const { port } = app.server.address() as AddressInfo
// Started by cluster.ts: it wants the port, and its end is ours.
process.once('disconnect', close)
if (process.send !== undefined) process.send(port)
else console.log(`Chat on ${TLS_KEY === undefined ? 'http' : 'https'}://${HOST}:${port}`)
