// Starts the chat. PORT and HOST say where; TLS_KEY and TLS_CERT name the files that make it https;
// COOKIE_KEY signs its cookies.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import closeWithGrace from 'close-with-grace'
import { buildServer } from './server.js'

const { PORT = '3000', HOST = 'localhost', TLS_KEY, TLS_CERT, COOKIE_KEY } = process.env

const app = buildServer({
  key: COOKIE_KEY === undefined ? keptKey() : Buffer.from(COOKIE_KEY),
  tls: TLS_KEY !== undefined && TLS_CERT !== undefined ? { key: readFileSync(TLS_KEY), cert: readFileSync(TLS_CERT) } : undefined
})
// On SIGTERM every page is told when to come back; what the plugin's own limit does not end, this
// one does.
closeWithGrace({ delay: 10_000, logger: app.log }, async ({ err }) => {
  if (err !== undefined) app.log.error({ err }, 'the chat ends for a fault')
  await app.close()
})
await app.listen({ port: Number(PORT), host: HOST })
const { port } = app.server.address() as AddressInfo
console.log(`Chat on ${TLS_KEY === undefined ? 'http' : 'https'}://${HOST}:${port}`)

// Random, and kept beside the code so that a restart signs nobody out.
function keptKey (): Buffer {
  const folder = join(import.meta.dirname, '.cache')
  const file = join(folder, 'cookie.key')
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, randomBytes(32), { mode: 0o600 })
  }
  return readFileSync(file)
}
