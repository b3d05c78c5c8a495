// Starts the server of the cases. PORT and HOST say where; LIMIT_MS how long it waits for one
// thing.
import type { AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import { buildServer } from './server.js'

const { PORT = '3000', HOST = 'localhost', LIMIT_MS = '60000' } = process.env

const app = buildServer({ limitMs: Number(LIMIT_MS) })
closeWithGrace(async () => { await app.close() })
await app.listen({ port: Number(PORT), host: HOST })
const { port } = app.server.address() as AddressInfo
console.log(`Cases on http://${HOST}:${port}/cases, and ws://${HOST}:${port}/case/<name>`)
