// The client where there is a WebSocket: in this Node, in Bun, in Deno and in Firefox. Chromium has
// a file of its own. And servers beside Node's.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { createApp, listen } from '../support/helper.js'
import { bundle } from './bundle.js'
import { expected } from './guest.js'
import { host } from './host.js'

const PROCESS = `
  import { visit } from './guest.js'

  // Node 20 has none of its own.
  const given = globalThis.WebSocket === undefined ? (await import('ws')).WebSocket : undefined
  console.log(JSON.stringify(await visit(process.argv.at(-1)!, given)))
`
const SERVER = `
  import Fastify from 'fastify'
  import typedWs from '../../lib/index.js'
  import { echoRoute } from '../support/echo.js'

  async function serve () {
    const app = Fastify()
    await app.register(typedWs, { allowMissingOrigin: true })
    app.ws('/', echoRoute)
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const socket = new WebSocket(url.replace('http', 'ws'))
    socket.onopen = () => socket.send('{"type":"say","text":"hello"}')
    const { data } = await new Promise((resolve) => { socket.onmessage = resolve })
    socket.close()
    await app.close()
    return data
  }

  console.log(JSON.stringify(await serve().catch(({ code }) => code)))
`
const PAGE = `
  import { visit } from './guest.js'

  const report = await visit('/guest').catch(String)
  await fetch('/report', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(report) })
`
// A first start without a tour, and no calls home.
const PREFERENCES = `
  user_pref('app.normandy.enabled', false)
  user_pref('browser.aboutwelcome.enabled', false)
  user_pref('browser.safebrowsing.malware.enabled', false)
  user_pref('browser.safebrowsing.phishing.enabled', false)
  user_pref('browser.shell.checkDefaultBrowser', false)
  user_pref('datareporting.policy.dataSubmissionEnabled', false)
  user_pref('extensions.update.enabled', false)
  user_pref('network.captive-portal-service.enabled', false)
  user_pref('network.connectivity-service.enabled', false)
  user_pref('services.settings.server', 'data:,#remote-settings-dummy/v1')
  user_pref('toolkit.telemetry.server', '')
`.replaceAll(')\n', ');\n')

const root = join(import.meta.dirname, '../..')
const modules = join(root, 'node_modules')
const bun = [
    `@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}/bin/bun`,
    'bun/bin/bun.exe'
].map((path) => join(modules, path)).find(existsSync)
const deno = [`@deno/linux-${process.arch}-glibc/deno`, 'deno/deno'].map((path) => join(modules, path)).find(existsSync)
const firefox = (process.env['PATH'] ?? '').split(delimiter).flatMap((folder) => [
  'firefox-esr',
  'firefox'
].map((name) => join(folder, name))).find(existsSync)

const app = await createApp(t, { allowMissingOrigin: true })
host(app, '/guest')
const reports: Array<(report: object) => void> = []
app.post('/report', (request) => {
  reports.shift()!(request.body as object)
  return {}
})
await serve(app, '/page', 'text/html', '<!doctype html><title>Guest</title><script type="module" src="/page.js"></script>')
await serve(app, '/page.js', 'text/javascript', await bundle(PAGE))
const origin = await listen(app)

// Within the project, where it finds `ws`.
const folder = t.testdir({ 'guest.mjs': await bundle(PROCESS, 'node'), 'server.mjs': await bundle(SERVER, 'node') })
const script = join(folder, 'guest.mjs')
const server = join(folder, 'server.mjs')

t.test(`the client runs in Node ${process.versions.node}`, async (t) => {
  t.same(await run(t, process.execPath, [script]), expected)
})

t.test('the client runs in Bun', { skip: bun === undefined && 'no Bun here: npm install bun' }, async (t) => {
  t.same(await run(t, bun!, ['run', script]), expected)
})

t.test('the client runs in Deno', { skip: deno === undefined && 'no Deno here: npm install deno' }, async (t) => {
  t.same(await run(t, deno!, ['run', '--no-config', '--allow-net', script]), expected)
})

t.test('a server runs in Deno', { skip: deno === undefined && 'no Deno here: npm install deno' }, async (t) => {
  t.equal(await run(t, deno!, ['run', '--no-config', '--node-modules-dir=manual', '--allow-all', server]), '{"type":"said","text":"hello"}')
})

t.test('a server in Bun is refused at boot, since no handshake would be answered', {
  skip: bun === undefined && 'no Bun here: npm install bun'
}, async (t) => {
  t.equal(await run(t, bun!, ['run', server]), 'FST_TYPED_WS_UNSUPPORTED_RUNTIME')
})

t.test('the client runs in Firefox', {
  skip: firefox === undefined && 'no Firefox here: apt-get install -y --no-install-recommends firefox-esr'
}, async (t) => {
  const profile = t.testdir({ 'user.js': PREFERENCES })
  const child = spawn(
    firefox!,
    ['--headless', '--no-remote', '--profile', profile, `${origin}/page`],
    { env: { ...process.env, HOME: profile }, stdio: 'ignore' }
  )
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const report = new Promise<object>((resolve) => { reports.push(resolve) })
  t.same(await Promise.race([report, ended]), expected)
  child.kill('SIGKILL') // Its own way out may take long.
  await ended
})

/** Runs a process that visits the server, and returns its report. */
async function run (t: Test, command: string, args: string[]): Promise<unknown> {
  const child = spawn(
    command,
    [...args, `${origin}/guest`],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, DENO_NO_UPDATE_CHECK: '1' } }
  )
  t.teardown(() => child.kill('SIGKILL'))
  const [output, complaints, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit') as Promise<[number]>])
  t.equal(code, 0, 'ends by itself')
  t.equal(complaints, '', 'and complains of nothing')
  return JSON.parse(output)
}

async function serve (app: FastifyInstance, path: string, type: string, body: string): Promise<void> {
  app.get(path, (_request, reply) => reply.type(type).send(body))
}
