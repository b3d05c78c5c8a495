// The server of the cases, which clients in other languages are tried against: it lets a right
// client pass, and tells a wrong one why.
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { cases } from '../../examples/conformance/cases.js'
import { playCase, type PortOptions } from '../../examples/conformance/port.js'
import { buildServer, type Line, type Report } from '../../examples/conformance/server.js'
import { deferred } from '../support/deferred.js'
import { connect, refused } from '../support/helper.js'

// Three of these together are more than what the case `backoff` asks for.
const retry = { minDelayMs: 110, maxDelayMs: 300 }

async function start (t: Test, limitMs = 600_000): Promise<{ url: string, report: (run: string) => Promise<Report> }> {
  const app = buildServer({ logger: false, limitMs })
  t.teardown(() => app.close())
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const report = async (run: string) => (await app.inject({ url: '/report', query: { run } })).json<Report>()
  return { url: url.replace('http', 'ws'), report }
}

const lineOf = ({ cases }: Report, name: string): Line => cases.find((line) => line.name === name)!

t.test('the typed client passes all cases', async (t) => {
  const { url, report } = await start(t)
  await Promise.all(cases.map((case_) => playCase(url, 'typed', case_, { retry })))
  const { passed, failed, cases: lines } = await report('typed')
  t.same(lines.filter(({ verdict }) => verdict !== 'passed'), [])
  t.same({ passed, failed }, { passed: cases.length, failed: 0 })
})

/** The WebSocket of a client that does something wrong with what it sends or takes. */
function faulty (
  { sent = (text) => [text], taken = () => [], closed = (code) => code }:
  { sent?: (text: string) => string[], taken?: (text: string) => string[], closed?: (code: number) => number }
): PortOptions {
  class Faulty extends WebSocket {
    override send (data: unknown): void {
      for (const text of typeof data === 'string' ? sent(data) : [data]) super.send(text as string)
    }

    override emit (name: string, ...args: unknown[]): boolean {
      if (name === 'close') args[0] = closed(args[0] as number)
      if (name === 'message' && args[1] === false) for (const text of taken((args[0] as Buffer).toString())) super.send(text)
      return super.emit(name, ...args)
    }
  }
  return { retry, WebSocket: Faulty }
}

const changing = (sent: (text: string) => string[]) => faulty({ sent })
const answering = (type: string) => faulty({ taken: (text) => text.includes(`"type":"${type}`) ? ['{"type":"$error"}'] : [] })
const replacing = (pattern: RegExp, text: string) => faulty({ sent: (sent) => [sent.replace(pattern, text)] })

const wrong: ReadonlyArray<{ fault: string, options: PortOptions, names: readonly string[], reason: RegExp }> = [
  {
    fault: 'has one ref for all calls',
    options: replacing(/"ref":\d+/, '"ref":1'),
    names: ['call-concurrent', 'stream-concurrent'],
    reason: /^the ref 1 belongs to another question$/
  },
  {
    fault: 'has a ref that is a text',
    options: replacing(/"ref":(\d+)/, '"ref":"$1"'),
    names: ['call', 'stream'],
    reason: /a positive integer/
  },
  {
    fault: 'cancels twice',
    options: changing((text) => text.includes('$cancel') ? [text, text] : [text]),
    names: ['call-cancel'],
    reason: /is that all/
  },
  {
    fault: 'answers an $error',
    options: answering('$error'),
    names: ['error-of-event'],
    reason: /got {"type":"\$error"}/
  },
  {
    fault: 'answers reserved messages',
    options: answering('$later'),
    names: ['reserved-unknown'],
    reason: /got {"type":"\$error"}/
  },
  {
    fault: 'answers unknown events',
    options: answering('unheard'),
    names: ['event-unknown'],
    reason: /got {"type":"\$error"}/
  },
  {
    fault: 'normalizes texts',
    options: changing((text) => [text.normalize('NFC')]),
    names: ['event-unicode'],
    reason: /^wanted/
  },
  {
    fault: 'rounds large integers',
    options: replacing(/9007199254740991/, '9007199254740992'),
    names: ['event-numbers'],
    reason: /^wanted/
  },
  {
    fault: 'sends lists',
    options: changing((text) => [`[${text}]`]),
    names: ['event'],
    reason: /no JSON object/
  },
  {
    fault: 'puts a message between an event and its bytes',
    options: changing((text) => [text, '{"type":"echo"}']),
    names: ['binary-event'],
    reason: /^wanted 256 bytes/
  },
  {
    fault: 'answers every call',
    options: replacing(/"statusCode":501/, '"statusCode":200'),
    names: ['question-unknown'],
    reason: /501/
  },
  {
    fault: 'hides the code of an error',
    options: replacing(/"code":"REFUSED"/, '"code":"no"'),
    names: ['question-refused'],
    reason: /409 REFUSED/
  },
  {
    fault: 'loses the error of a call',
    options: replacing(/"error":/, '"fault":'),
    names: ['call-lost', 'stream-lost', 'refused-for-now'],
    reason: /^wanted {"type":"result"/
  },
  {
    fault: 'has another name each time',
    options: changing((text) => [text.replace(/"client":"[^"]+"/, `"client":"${randomUUID()}"`)]),
    names: ['recover-position'],
    reason: /^wanted the name/
  },
  {
    fault: 'has a short name',
    options: replacing(/"client":"[^"]+"/, '"client":"me"'),
    names: ['recover-first'],
    reason: /8 to 64/
  },
  {
    fault: 'forgets positions',
    options: replacing(/"topics":{[^}]*}/, '"topics":{}'),
    names: ['recover-position', 'recover-restart'],
    reason: /^wanted {"type":"\$recover"/
  },
  {
    fault: 'remembers positions',
    options: replacing(/"topics":{}/, '"topics":{"news":["a",1]}'),
    names: ['recover-first', 'recover-forget'],
    reason: /^wanted {"type":"\$recover"/
  },
  {
    fault: 'comes back whatever the code',
    options: faulty({ closed: (code) => code === 1000 ? code : 1006 }),
    names: ['stays-closed-1002', 'stays-closed-1008', 'stays-closed-4503', 'expired-twice', 'refused-for-good'],
    reason: /^the client came back, where it had to stay closed$/
  },
  {
    fault: 'never comes back',
    options: faulty({ closed: () => 1000 }),
    names: ['comes-back-1012', 'backoff', 'refused-over-http', 'expired-once'],
    reason: /^waited for the client to come back$/
  }
]

for (const { fault, options, names, reason } of wrong) {
  t.test(`a client that ${fault} fails`, async (t) => {
    const { url, report } = await start(t)
    await Promise.all(names.map((name) => playCase(url, 'wrong', cases.find((case_) => case_.name === name)!, options)))
    const found = await report('wrong')
    for (const name of names) {
      t.equal(lineOf(found, name).verdict, 'failed', name)
      t.match(lineOf(found, name).reason, reason)
    }
  })
}

t.test('a client that comes back too early fails', async (t) => {
  const { url, report } = await start(t)
  const first = await connect(t, `${url}/case/retry-after-1012?run=early`, { protocols: ['conformance.v1'] })
  const asked = await first.next()
  // There already when the first is closed.
  const second = await connect(t, `${url}/case/retry-after-1012?run=early`, { protocols: ['conformance.v1'] })
  first.send(asked)
  t.equal((await first.closed()).code, 1012)
  t.match((await second.closed()).reason, /^the client came back after -?\d+ ms, not after 300$/)
  t.match(lineOf(await report('early'), 'retry-after-1012'), { verdict: 'failed', reason: /not after 300/ })
})

t.test('a client that offers another subprotocol, or none, fails', async (t) => {
  const { url, report } = await start(t)
  for (const [run, protocols] of [['none', []], ['other.v1', ['other.v1']]] as const) {
    const ended = deferred()
    new WebSocket(`${url}/case/event?run=${run}`, [...protocols]).on('error', () => {}).once('close', () => ended.resolve())
    await ended.promise
    t.match(lineOf(await report(run), 'event'), { verdict: 'failed', reason: `wanted the subprotocol conformance.v1, was offered ${run}` })
  }
})

t.test('a client that says nothing fails when its time is over', async (t) => {
  const { url, report } = await start(t, 50)
  const client = await connect(t, `${url}/case/call?run=mute`, { protocols: ['conformance.v1'] })
  t.match(await client.closed(), { code: 1000, reason: /^waited 50 ms for "ask" with the id 7/ })
  t.match(lineOf(await report('mute'), 'call'), { verdict: 'failed', reason: /^waited 50 ms for "ask"/ })
})

t.test('a client that leaves in the middle fails, and cases that were not run are told', async (t) => {
  const { url, report } = await start(t)
  const client = await connect(t, `${url}/case/call?run=gone`, { protocols: ['conformance.v1'] })
  await client.close()
  const found = await report('gone')
  t.match(found, { run: 'gone', passed: 0, failed: 1 })
  t.match(lineOf(found, 'call'), { verdict: 'failed', reason: 'the connection ended with 1000' })
  t.match(lineOf(found, 'event'), { verdict: 'not run', reason: undefined })
  t.match(await report('never'), { passed: 0, failed: 0 })
})

t.test('a connection that is still there has its verdict awaited by the report', async (t) => {
  const { url, report } = await start(t)
  const client = await connect(t, `${url}/case/leave?run=slow`, { protocols: ['conformance.v1'] })
  t.same(await client.next(), { type: 'leave' })
  const found = report('slow')
  client.ws.close(1000)
  t.match(lineOf(await found, 'leave'), { verdict: 'passed' })
})

t.test('a case that does not exist is refused with 404', async (t) => {
  const { url } = await start(t)
  t.equal((await refused(`${url}/case/nothing`)).statusCode, 404)
  t.equal((await refused(`${url}/elsewhere`)).statusCode, 404)
})

t.test('the page and the server have the same cases', async (t) => {
  const page = await readFile(new URL('../../docs/conformance.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => /^\| `[\w-]+` \|/.test(line))
  t.same(rows, cases.map(({ name, server, client, judged }) => `| \`${name}\` | ${server} | ${client} | ${judged} |`))
})
