// The example that is watched, as its operators meet it: one scrapes, the other collects spans.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { connect, refused, until, type Teardown } from '../support/helper.js'
import { spawnNode } from '../support/child.js'
import { listeningPort } from './chat.js'

interface SpanData {
  name: string
  traceId: string
  spanId: string
  parentSpanId?: string
  links?: Array<{ traceId: string }>
  attributes: Array<{ key: string, value: object }>
  events: Array<{ name: string }>
  status: { code: number, message?: string }
}

interface Export {
  resourceSpans: Array<{ scopeSpans: Array<{ spans: SpanData[] }> }>
}

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'

/** An OpenTelemetry collector, and the spans it is told of. */
async function collect (t: Teardown): Promise<{ endpoint: string, spans: SpanData[] }> {
  const spans: SpanData[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { resourceSpans } = JSON.parse(body) as Export
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)))
      response.end('{}')
    })
  })
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans }
}

async function start (t: Teardown, endpoint: string): Promise<{ child: ChildProcess, url: string }> {
  const folder = join(import.meta.dirname, '../../examples/observing')
  const sdk = pathToFileURL(join(folder, 'instrumentation.js')).href
  const child = spawnNode(['--import', sdk, join(folder, 'main.js')], {
    env: { ...process.env, PORT: '0', HOST: '127.0.0.1', TEACHER_TOKEN: 'chalk', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  return { child, url: `127.0.0.1:${await listeningPort(child)}` }
}

/** The samples of a scrape, by name and labels. */
async function scrape (url: string): Promise<Map<string, number>> {
  const response = await fetch(`http://${url}/metrics`)
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

t.test('a scraper of metrics and a collector of spans see every occurrence', async (t) => {
  const { endpoint, spans } = await collect(t)
  const { child, url } = await start(t, endpoint)
  const client = await connect(t, `ws://${url}/sums`, { headers: { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` } })
  client.send({ type: 'add', ref: 1, numbers: [1, 2, 3] })
  t.same(await client.next(), { type: '$reply', ref: 1, data: 6 })
  client.send({ type: 'divide', ref: 2, by: 0 })
  t.match(await client.next(), { type: '$error', ref: 2, statusCode: 400 })
  client.send({ type: 'divide', ref: 3, by: -1 })
  t.match(await client.next(), { type: '$error', ref: 3, statusCode: 500 })
  t.equal((await refused(`ws://${url}/sums`, { origin: 'https://elsewhere.example' })).statusCode, 403)

  const during = await scrape(url)
  t.equal(during.get('typed_ws_connections{contract="sums.v1"}'), 1)
  t.equal(during.get('typed_ws_messages_received_total{contract="sums.v1"}'), 3)
  t.equal(during.get('typed_ws_messages_sent_total{contract="sums.v1"}'), 3)
  t.equal(during.get('typed_ws_errors_total{contract="sums.v1",code="FST_TYPED_WS_INTERNAL"}'), 1)
  t.equal(during.get('typed_ws_errors_total{contract="sums.v1",code="400"}'), 1)
  t.equal(during.get('typed_ws_handshakes_refused_total{contract="sums.v1",status="403"}'), 1)
  t.equal(during.get('typed_ws_handler_duration_seconds_count{contract="sums.v1",type="add",outcome="ok"}'), 1)
  t.equal(during.get('typed_ws_handler_duration_seconds_count{contract="sums.v1",type="divide",outcome="error"}'), 2)
  t.ok(during.has('process_cpu_seconds_total'))

  client.ws.close(4711)
  await client.closed()
  await until(async () => (await scrape(url)).get('typed_ws_connections{contract="sums.v1"}') === 0)
  const after = await scrape(url)
  t.equal(after.get('typed_ws_connections_closed_total{contract="sums.v1",code="4xxx"}'), 1, 'a client does not make up series')
  t.equal(after.get('typed_ws_connection_duration_seconds_count{contract="sums.v1"}'), 1)
  t.equal(after.get('typed_ws_connections_opened_total{contract="sums.v1"}'), 1, 'a scrape counts nothing twice')

  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  t.same(await ended, [0, null])
  const [add, lookup, wrong, broken] = [
    'sums.v1 add',
    'look it up',
    'sums.v1 divide',
    'sums.v1 divide'
  ].map((name, i) => spans.filter((span) => span.name === name)[i === 3 ? 1 : 0]!)
  const ofMessages = spans.filter(({ name }) => name.startsWith('sums.v1 '))
  t.same(ofMessages.map(({ name }) => name), ['sums.v1 add', 'sums.v1 divide', 'sums.v1 divide'], 'a span for each message')
  t.same(ofMessages.map(({ parentSpanId }) => parentSpanId), [undefined, undefined, undefined], 'none is a part of the handshake')
  t.ok(spans.some(({ name }) => name === 'request'), 'which has a span of its own')
  t.match(add!.links, [{ traceId: TRACE_ID }], 'linked to the trace of the handshake')
  t.equal(lookup!.parentSpanId, add!.spanId, 'what a handler does is a part of its message')
  t.equal(lookup!.traceId, add!.traceId)
  t.not(wrong!.traceId, add!.traceId)
  t.match(wrong, { status: { code: 0 }, events: [] }, 'what is the client\'s fault is no fault of the service')
  t.match(broken, { status: { code: 2, message: 'the table of negative numbers is lost' }, events: [{ name: 'exception' }] })
})

t.test('a hook admits messages by the role of their sender, and another one writes all of them down', async (t) => {
  const { endpoint, spans } = await collect(t)
  const { child, url } = await start(t, endpoint)
  let log = ''
  child.stdout!.on('data', (chunk: Buffer) => { log += chunk.toString() })
  const guest = await connect(t, `ws://${url}/sums`)
  guest.send({ type: 'add', ref: 1, numbers: [1] })
  t.match(await guest.next(), { type: '$reply', ref: 1, data: 1 })
  guest.send({ type: 'clear', ref: 2 })
  t.match(await guest.next(), { type: '$error', ref: 2, statusCode: 403, code: 'SUMS_FORBIDDEN', message: 'This is for a teacher' })
  const teacher = await connect(t, `ws://${url}/sums`, { headers: { authorization: 'Bearer chalk' } })
  teacher.send({ type: 'clear', ref: 1 })
  t.match(await teacher.next(), { type: '$reply', ref: 1, data: 1 })

  const ended = [once(child, 'exit'), once(child.stdout!, 'end')]
  child.kill('SIGTERM')
  await Promise.all(ended)
  const lines = log.split('\n').filter((line) => line.includes('"audit"')).map((line) => (JSON.parse(line) as { audit: object }).audit)
  const traces = spans.filter(({ name }) => name.startsWith('sums.v1 ')).map(({ traceId }) => traceId)
  t.match(lines, [
    { role: 'guest', type: 'add', traceId: traces[0] },
    { role: 'guest', type: 'clear', traceId: traces[1] },
    { role: 'teacher', type: 'clear', traceId: traces[2] }
  ])
  t.equal(lines.length, 3)
})
