// The server of the README, run by the lowest Fastify that the peer range admits.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { runNode } from '../support/child.js'

const root = new URL('../../', import.meta.url)
const workshop = new URL('.cache/lowest-fastify/', root)

const hooks = `
export const resolve = (name, context, next) => next(name === 'fastify' ? 'fastify-lowest' : name, context)
`

const preload = `
import { register } from 'node:module'
register('./hooks.mjs', import.meta.url)
`

// As a browser's page on the same origin does it, then as one of another.
const visit = `
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { WebSocket } from 'ws'
assert.equal(app.version, '5.0.0')
const { host } = new URL(app.listeningOrigin)
const event = (emitter, name) => once(emitter, name, { signal: AbortSignal.timeout(60_000) })
const client = new WebSocket('ws://' + host + '/chat', 'chat.v1', { origin: 'http://' + host })
await event(client, 'open')
client.send(JSON.stringify({ type: 'message', text: 'Hello', date: 1 }))
const [greeting] = await event(client, 'message')
assert.equal(JSON.parse(greeting).text, 'Hello')
client.send(JSON.stringify({ type: 'message', text: '', date: 1 }))
const [refusal] = await event(client, 'message')
assert.equal(JSON.parse(refusal).code, 'FST_TYPED_WS_VALIDATION')
const outsider = new WebSocket('ws://' + host + '/chat', { origin: 'https://elsewhere.example' })
outsider.on('error', () => {})
const [, { statusCode }] = await event(outsider, 'unexpected-response')
assert.equal(statusCode, 403)
assert.equal(await (await fetch(app.listeningOrigin)).text(), 'HTTP lives here too')
const injected = await app.injectClient(chat, '/chat')
assert.equal(injected.state, 'open')
const closed = event(client, 'close')
await app.close()
assert.equal((await closed)[0], 1012)
`

t.test('the server of the README runs on Fastify 5.0.0', async (t) => {
  const [, server] = /```ts\n([^]*?)```/.exec(await readFile(new URL('README.md', root), 'utf8'))!
  await mkdir(workshop, { recursive: true })
  await writeFile(new URL('hooks.mjs', workshop), hooks)
  await writeFile(new URL('preload.mjs', workshop), preload)
  await writeFile(new URL('server.mjs', workshop), server!.replace('port: 3000', 'port: 0, host: \'127.0.0.1\'') + visit)
  const { code, stdout, stderr } = await runNode(
    ['--import', new URL('preload.mjs', workshop).href, fileURLToPath(new URL('server.mjs', workshop))], fileURLToPath(root)
  )
  t.equal(code, 0, 'runs', { says: (stdout + stderr).trim().split('\n') })
})
