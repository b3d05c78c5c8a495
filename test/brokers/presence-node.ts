// One node of a service in a process of its own, which a test kills: its arguments are the port of
// Redis and the length of a lease. It writes its address.
import { redisBroker } from '../support/brokers.js'
import type { Teardown } from '../support/helper.js'
import { start } from '../support/presence.js'

const [port, leaseMs] = process.argv.slice(2).map(Number) as [port: number, leaseMs: number]
const forEver: Teardown = { teardown () {} }

const { url } = await start(forEver, await redisBroker(forEver, { port }), { presence: { leaseMs } })
console.log(url)
process.stdin.on('end', () => process.exit()).resume()
