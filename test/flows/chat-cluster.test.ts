// The example on three nodes behind one port, of which some are killed.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { startBrowser } from '../support/browser.js'
import { missing, startRedis } from '../support/engine.js'
import { connect, until, type Client } from '../support/helper.js'
import { Chat, cluster } from './chat.js'
import { Visitor } from './visitor.js'

t.ok(existsSync(cluster), 'the example is built: npm run build && npm run examples')

const browser = await startBrowser(t)
const noBrowser = typeof browser === 'string' && browser
const isOnPath = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'redis-server')))

t.test('a node that is killed costs no message, on either page', { skip: noBrowser || await missing('redis-server') }, async (t) => {
  const redis = await startRedis(t)
  const chat = await Chat.startCluster(t, { REDIS_URL: `redis://127.0.0.1:${redis.port}` })
  for (const paths of [['/chat', '/typed'], ['/typed', '/chat']] as const) {
    const [ada, bea] = await Promise.all(paths.map((path) => Visitor.enter(t, browser as Browser, chat.url, path))) as [Visitor, Visitor]
    await ada.signIn('Ada')
    await bea.signIn('Bea')
    while (await bea.node() === await ada.node()) await bea.comeIn()
    const lost = await ada.node()
    // It never comes back, as a phone that was switched off.
    const cid = await joinNode(t, chat, await chat.signIn('Cid'), (node) => node === lost)
    await seesAll(ada, 'Ada', 'Bea', 'Cid')
    await seesAll(bea, 'Ada', 'Bea', 'Cid')

    const before = await ada.texts()
    const said = Array.from({ length: 8 }, (_, i) => `${paths.join()} ${i}`)
    for (const text of said.slice(0, 3)) await bea.write(text)
    process.kill(pidOf(lost), 'SIGKILL')
    for (const text of said.slice(3)) await bea.write(text)
    t.equal((await cid.closed()).code, 1006)
    await until(async () => await ada.node() !== lost)
    await ada.seesState('Connected')
    for (const visitor of [ada, bea]) {
      await visitor.sees(said.at(-1)!)
      t.same(await visitor.texts(), [...before, ...said], `${visitor.path}: nothing is missed, doubled or swapped`)
    }
    t.match(ada.recoveries, [{ topic: 'lobby', recovered: true }])

    await seesAll(ada, 'Ada', 'Bea')
    await seesAll(bea, 'Ada', 'Bea')
    const [name] = lost.split(' (')
    await until(() => chat.output.split(`${name} runs: `).length > 2)
    for (const visitor of [ada, bea]) {
      t.same(visitor.faults, [])
      await visitor.context.close()
    }
  }
})

t.test('a person who signs out on one node is signed out on the others', { skip: !isOnPath && 'no redis-server on PATH' }, async (t) => {
  const chat = await Chat.startCluster(t)
  const cookie = await chat.signIn('Ada')
  let first = ''
  const clients = [
    await joinNode(t, chat, cookie, (node) => { first = node; return true }),
    await joinNode(t, chat, cookie, (node) => node !== first)
  ]
  t.equal((await chat.post('/sign-out', {}, { origin: chat.url, cookie })).statusCode, 303)
  for (const client of clients) t.same(await client.closed(), { code: 4510, reason: 'signed out' })
})

t.test('a start without a Redis says how to get one', async (t) => {
  const start = promisify(execFile)(process.execPath, [cluster], { env: { PATH: '/nowhere' } })
  await t.rejects(start, { code: 1, stderr: /^There is no redis-server on PATH[^]*REDIS_URL=/ })
})

/** Joins the room until it is on a node that will do. */
async function joinNode (t: Test, chat: Chat, cookie: string, isRight: (node: string) => boolean): Promise<Client> {
  for (;;) {
    const client = await connect(t, chat.wsUrl, { headers: { cookie }, origin: chat.url })
    const { node } = await client.next()
    if (isRight(String(node))) return client
    await client.close()
  }
}

/** Waits until exactly these are here, in any order. */
async function seesAll (visitor: Visitor, ...names: string[]): Promise<void> {
  await until(async () => String((await visitor.people()).sort()) === String(names))
}

function pidOf (node: string): number {
  return Number(/pid (\d+)/.exec(node)![1])
}
