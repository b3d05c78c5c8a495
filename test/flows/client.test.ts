// The client in Chromium: on a page, in workers, behind a strict policy, without a network, and
// without a server.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startBrowser } from '../support/browser.js'
import type { StateChange } from '../../types/client.js'
import { certificate, createApp, listen, until, type Teardown } from '../support/helper.js'
import { spawnNode } from '../support/child.js'
import { bundle } from './bundle.js'
import { listeningPort } from './chat.js'
import { expected } from './guest.js'
import { host } from './host.js'

const PATIENCE_MS = 60_000
const PAGE = '<!doctype html><meta charset="utf-8"><title>Guest</title>'

// The scripts of the pages, as a bundler makes them.
const files = {
  '/page.js': await bundle("import * as guest from './guest.js'; Object.assign(globalThis, { guest })"),
  '/worker.js': await bundle(`
    import { visit } from './guest.js'
    postMessage(await visit('/guest').catch(String))`),
  '/shared.js': await bundle(`
    import { visit } from './guest.js'
    globalThis.onconnect = async ({ ports: [port] }) => port.postMessage(await visit('/guest').catch(String))`),
  '/strict.js': await bundle(strict('@sinclair/typebox/value', 'contract')),
  '/strict1.js': await bundle(strict('typebox/value', 'contract1'))
}

// Within the project, where it finds its packages.
const folder = t.testdir({
  'server.mjs': await bundle("import { listen } from './host.js'; await listen(Number(process.argv[2]))", 'node')
})
const browser = await startBrowser(t)
const skip = typeof browser === 'string' && browser

for (const scheme of ['http', 'https'] as const) {
  t.test(`the client works over ${scheme === 'http' ? 'ws' : 'wss'}`, { skip }, async (t) => {
    const { origin } = await serve(t, scheme === 'https')
    const page = await visitPage(t, `${origin}/page`)

    await t.test('the client works on a page', async (t) => {
      t.same(await page.evaluate("guest.visit('/guest')"), expected)
    })

    await t.test('the client works in a worker', async (t) => {
      t.same(await page.evaluate(() => new Promise((resolve) => {
        const worker = new Worker('/worker.js', { type: 'module' })
        worker.onmessage = ({ data }) => resolve(data)
        worker.onerror = ({ message }) => resolve(message)
      })), expected)
    })

    await t.test('the client works in a worker that pages share', async (t) => {
      t.same(await page.evaluate(() => new Promise((resolve) => {
        const worker = new SharedWorker('/shared.js', { type: 'module' })
        worker.port.onmessage = ({ data }) => resolve(data)
        worker.onerror = () => resolve('a fault')
      })), expected)
    })
  })
}

t.test('a page of another origin connects as the options say', { skip }, async (t) => {
  const { origin } = await serve(t)
  const elsewhere = await createApp(t)
  host(elsewhere, '/telling')
  host(elsewhere, '/refusing', { rejectWith: 'http' })
  host(elsewhere, '/closing', { rejectWith: 'close' })
  host(elsewhere, '/welcoming', { origin: (given) => given === origin })
  const page = await visitPage(t, `${origin}/page`)
  const address = await listen(elsewhere)

  await t.test('a page of another origin is let in by the option origin', async (t) => {
    t.same(await page.evaluate(`guest.visit('${address}/welcoming')`), expected)
  })

  await t.test('a page of another origin is refused by default for good, and its client is told so', async (t) => {
    t.match(await page.evaluate(`guest.attempts('${address}/telling', 1)`), [
      { state: 'closed', code: 4503, reason: /origin/i }
    ])
  })

  await t.test("a page of another origin gets no reason from a browser where rejectWith is 'http', and goes on trying", async (t) => {
    t.match(await page.evaluate(`guest.attempts('${address}/refusing', 3)`), [
      { state: 'waiting', attempt: 1, code: 1006, reason: '', retryInMs: Number },
      { state: 'connecting', attempt: 1 },
      { state: 'waiting', attempt: 2, code: 1006, reason: '', retryInMs: Number }
    ])
  })

  await t.test("a page of another origin is refused for good, too, where rejectWith is 'close'", async (t) => {
    t.match(await page.evaluate(`guest.attempts('${address}/closing', 1)`), [
      { state: 'closed', code: 4503, reason: /origin/i }
    ])
  })
})

t.test('a page without the client can read why its handshake was refused', { skip }, async (t) => {
  const app = await createApp(t)
  app.get('/page', (_request, reply) => reply.type('text/html').send(PAGE))
  app.register(async (members) => {
    members.addHook('preHandler', async () => { throw Object.assign(new Error('please sign in'), { statusCode: 401 }) })
    host(members, '/members', { rejectWith: 'close' })
  })
  const origin = await listen(app)
  const page = await visitPage(t, `${origin}/page`)
  for (const [protocols, refusal] of [
    [[], { code: 4501, reason: 'please sign in' }],
    [['guest.v1'], { code: 4501, reason: 'please sign in' }],
    [['other.v1'], { code: 4406, reason: 'guest.v1' }]
  ] as const) {
    const closed = await page.evaluate(async ([url, protocols]) => await new Promise((resolve) => {
      const socket = new WebSocket(url, [...protocols])
      socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean })
    }), [`${origin}/members`, protocols] as const)
    t.match(closed, { ...refusal, wasClean: true })
  }
})

for (const [line, script] of [['0.34', '/strict.js'], ['1.x', '/strict1.js']] as const) {
  t.test(`the client checks what it receives by TypeBox ${line} where a policy forbids eval`, { skip }, async (t) => {
    const { origin } = await serve(t)
    const page = await visitPage(t, `${origin}${script}on`)
    t.same(await page.evaluate('report'), {
      isEvalAllowed: false,
      lie: { code: 'FST_TYPED_WS_INVALID_MESSAGE', message: "reply 'lie' breaks its schema" },
      errors: ["event 'said' breaks its schema", "there is no event 'unsaid' from the server in contract 'guest.v1'"],
      heard: ['true, you said'],
      sum: 6,
      violations: ['eval']
    })
  })
}

t.test('a client without a network comes back with it', { skip }, async (t) => {
  const { origin } = await serve(t)

  await t.test('a connection without traffic is noticed, and comes back with the network', async (t) => {
    const page = await visitPage(t, `${origin}/page`)
    await page.evaluate(`
      globalThis.client = guest.createClient('/guest', {
        protocol: 'guest.v1', heartbeat: { intervalMs: 500, timeoutMs: 2000 }, callTimeoutMs: 60000
      })
      globalThis.states = []
      client.onState(({ state, code }) => states.push(code ? state + ' ' + code : state))
      client.opened`)
    // Backoff is random: 2000 instead of a number below 1 makes it a quarter of an hour, so that
    // only the return of the network connects again.
    await page.evaluate('globalThis.random = Math.random; Math.random = () => 2000; undefined')
    await page.context().setOffline(true)
    t.equal(await page.evaluate('navigator.onLine'), false)
    t.match(await page.evaluate("guest.faultOf(client.call('add', { numbers: [1, 2] }))"), { code: 'FST_TYPED_WS_DISCONNECTED' })
    const asked = page.evaluate("client.call('add', { numbers: [3, 4] })")
    await page.evaluate('Math.random = random; undefined')
    await page.context().setOffline(false)
    t.equal(await asked, 7)
    t.same(await page.evaluate('states'), ['open', 'waiting 1006', 'connecting', 'open'])
  })

  await t.test('a call that is made without a network is answered when it is back in time', async (t) => {
    const page = await visitPage(t, `${origin}/page`)
    await page.evaluate(`
      globalThis.client = guest.createClient('/guest', { protocol: 'guest.v1', callTimeoutMs: 60000 })
      globalThis.states = []
      client.onState(({ state, code }) => states.push(code ? state + ' ' + code : state))
      client.opened`)
    await page.context().setOffline(true)
    t.match(
      await page.evaluate("guest.faultOf(client.call('add', { numbers: [1, 2] }, { timeoutMs: 100 }))"),
      { code: 'FST_TYPED_WS_CALL_TIMEOUT' }
    )
    const asked = page.evaluate("client.call('add', { numbers: [3, 4] })")
    await page.context().setOffline(false)
    t.equal(await asked, 7)
    t.same(await page.evaluate('states'), ['open'], 'over the same connection')
  })
})

t.test('a hundred clients on a page outlive their server', { skip }, async (t) => {
  const count = 100
  const sums = Array.from({ length: count }, (_, i) => i + 1)
  const { child, port } = await start(t)
  const startAgain = async (): Promise<ChildProcess> => (await start(t, port)).child
  let successor: ChildProcess
  const { origin } = await serve(t)
  const page = await visitPage(t, `${origin}/page`)
  await page.evaluate(`globalThis.crowd = new guest.Crowd('http://127.0.0.1:${port}/guest', ${count}); undefined`)
  t.same(await page.evaluate('crowd.sums()'), sums)

  await t.test('clients of a server that restarts come back when it is back, at the times that it said', async (t) => {
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    t.same(await ended, [0, null])
    // The process has ended before the browser has told its page of each connection.
    await until(async () => await page.evaluate('crowd.endings().length') === count)
    const endings = await page.evaluate('crowd.endings()') as StateChange[]
    t.same(
      endings.filter(({ state, code, reason, retryInMs }) => {
        return state !== 'waiting' || code !== 1012 || reason !== `retry-after-ms=${retryInMs}`
      }),
      [],
      'and they mean to'
    )
    const asked = page.evaluate('crowd.sums()')
    successor = await startAgain()
    t.same(await asked, sums)
  })

  await t.test('clients of a server that dies have every call rejected, and come back when it is back', async (t) => {
    const asked = await page.evaluateHandle('crowd.ask()')
    successor.kill('SIGKILL')
    t.same(await asked.evaluate(({ faults }) => faults), Array.from(sums, () => 'FST_TYPED_WS_DISCONNECTED'))
    const askedAgain = page.evaluate('crowd.sums()')
    await startAgain()
    t.same(await askedAgain, sums)
  })
})

/** An app that serves the pages, and what they talk to. */
async function serve (t: Teardown, isSecure = false): Promise<{ app: FastifyInstance, origin: string }> {
  const app = await createApp(t, {}, isSecure ? { https: certificate } as object : {})
  const policy = "default-src 'none'; script-src 'self'; connect-src 'self'"
  app.get('/page', (_request, reply) => reply.type('text/html').send(`${PAGE}<script type="module" src="/page.js"></script>`))
  for (const [path, script] of Object.entries(files)) {
    app.get(path, (_request, reply) => reply.type('text/javascript').send(script))
    app.get(
    `${path}on`,
    (_request, reply) =>
      reply.type('text/html').header('content-security-policy', policy).send(`${PAGE}<script type="module" src="${path}"></script>`)
    )
  }
  host(app, '/guest')
  return { app, origin: await listen(app) }
}

/** A page that is open and has run its script. */
async function visitPage (t: Test, url: string): Promise<Page> {
  const context = await (browser as Browser).newContext({ ignoreHTTPSErrors: true })
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  page.on('pageerror', (error) => t.fail(error))
  await page.goto(url)
  return page
}

/** The host in a process of its own. */
async function start (t: Teardown, port = 0): Promise<{ child: ChildProcess, port: number }> {
  const child = spawnNode([join(folder, 'server.mjs'), String(port)], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  return { child, port: await listeningPort(child) }
}

/** Of a page whose server lies. */
function strict (values: string, name: string): string {
  return `
    import { Value } from '${values}'
    import { validateBy } from '../../lib/validate.js'
    import { ${name} as contract } from './contract.js'
    import { createClient, faultOf, told } from './guest.js'

    const [errors, heard, violations] = [[], [], []]
    globalThis.report = (async () => {
      addEventListener('securitypolicyviolation', ({ blockedURI }) => violations.push(blockedURI))
      const client = createClient('/guest', { protocol: contract.name, validate: validateBy(contract, Value.Check) })
      client.onError(({ message }) => errors.push(message))
      client.on('said', ({ text }) => heard.push(text))
      const lie = await faultOf(client.call('lie', {}))
      const isEvalAllowed = await faultOf((async () => new Function(''))()) === undefined
      client.send('say', { text: String(!isEvalAllowed) })
      return { isEvalAllowed, lie, errors, heard, sum: await client.call('add', { numbers: [1, 2, 3] }), violations }
    })()`
}
