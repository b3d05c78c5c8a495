// Private parts of Node, Fastify, ws and others that lib reaches into: each has a tag in lib, a row
// in docs/internals.md, and a check here that the installed version still has it.
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer, IncomingMessage, ServerResponse, type Server } from 'node:http'
import { createSecureServer } from 'node:http2'
import { connect as connectTcp, Socket, type AddressInfo } from 'node:net'
import { join, posix, relative } from 'node:path'
import { Duplex, PassThrough, Readable, Writable } from 'node:stream'
import { Type as Legacy, TypeRegistry } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { Ajv } from 'ajv'
import { createCluster } from 'redis'
import { Type as Current } from 'typebox'
import fastifyWebsocket from '@fastify/websocket'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { headersOf } from '../lib/brokers/nats-connection.js'
import { certificate, connectRaw, handshakeText, maskedFrame, until, type Teardown } from './support/helper.js'

const root = join(import.meta.dirname, '..')
const page = readFileSync(join(root, 'docs/internals.md'), 'utf8')

/** A private part, as a tag or a row names it: `ws WebSocket#_receiver`. */
type Part = string

/** The files of lib with a tag for each part. */
function tagsOf (files: ReadonlyMap<string, string>): Map<Part, string[]> {
  const tags = new Map<Part, Set<string>>()
  for (const [file, text] of files) {
    for (const [, upstream, parts] of text.matchAll(/\/\/ upstream-private: (\S+) (.+)/g)) {
      for (const part of parts!.split(', ')) tags.set(`${upstream} ${part}`, (tags.get(`${upstream} ${part}`) ?? new Set()).add(file))
    }
  }
  return new Map(Array.from(tags, ([part, files]) => [part, [...files].sort()]))
}

/** The rows of the page: | `part` | `upstream` versions | `file`, `file` | reason | */
function rowsOf (text: string): Map<Part, { files: string[], versions: string, reason: string }> {
  const section = text.slice(text.indexOf('## Private parts of others'))
  const rows = Array.from(section.matchAll(/^\| `([^`]+)` \| `([^`]+)` ([^|]*) \| ([^|]+) \| ([^|]+) \|$/gm))
  return new Map(rows.map(([, part, upstream, versions, files, reason]) => {
    const names = Array.from(files!.matchAll(/`([^`]+)`/g), ([, file]) => file!).sort()
    return [`${upstream} ${part}`, { files: names, versions: versions!, reason: reason!.trim() }]
  }))
}

const sources = new Map(readdirSync(join(root, 'lib'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => [relative(root, path).replaceAll('\\', posix.sep), readFileSync(path, 'utf8')]))
const tags = tagsOf(sources)
const rows = rowsOf(page)

t.test('the tags in lib and the rows of docs/internals.md name the same parts and files', async (t) => {
  t.ok(tags.size > 0, 'lib has tags')
  for (const [part, files] of tags) t.same(rows.get(part)?.files, files, `the row of ${part} names its files`)
  for (const [part, { versions, reason }] of rows) {
    t.ok(tags.has(part), `${part} has a tag in lib: // upstream-private: ${part}`)
    t.match(versions, /^\d+\.\d+/, `the row of ${part} says where it was last seen`)
    t.match(reason, /\w{3}/, `the row of ${part} has a reason`)
  }
})

t.test('a private part that lib uses has a tag in the same file', async (t) => {
  // `~standard` is public, and no installed TypeBox has `~guard`, which earlier 1.x had.
  const signs = [
    /(?<=[\w)\]!]\??\.)_[a-z]\w+/g, /\b(?:assignSocket|detachSocket|shouldKeepAlive|alpnProtocol)\b/g, /'fastify\.hooks'/g,
    /\b(?:ajv|ajv-formats)\/dist\//g, /(?<=\.)RULES\b/g, /(?<=')~(?!standard|guard)[a-z]+(?=')/g, /(?<=')TypeBox\.\w+(?=')/g,
    /\bserver\.emit = /g, /\braw\.(?:writeHead|write|end)(?= = )/g
  ]
  for (const [file, text] of sources) {
    const named = Array.from(text.matchAll(/\/\/ upstream-private: (.+)/g), ([, parts]) => parts).join('\n').toLowerCase()
    const code = text.replaceAll(/^\s*(?:\/\/|\*|\/\*).*$/gm, '')
    for (const [sign] of signs.flatMap((sign) => [...code.matchAll(sign)])) {
      const name = sign.replace(/^server\.(\w+).*/, '#$1').replaceAll('\'', '').toLowerCase()
      t.ok(named.includes(name), `${file} uses ${sign}: tag it with // upstream-private: <upstream> <part>`)
    }
  }
})

t.test('the comparison of tags and rows finds a missing row and a wrong file', async (t) => {
  const text = '## Private parts of others\n| `A#_b` | `ws` 8.23 | `lib/x.ts`, `lib/y.ts` | for a test |\n'
  t.same([...rowsOf(text)], [['ws A#_b', { files: ['lib/x.ts', 'lib/y.ts'], versions: '8.23', reason: 'for a test' }]])
  const files = new Map([['lib/y.ts', '// upstream-private: ws A#_b, A#_c\n'], ['lib/x.ts', '// upstream-private: ws A#_b']])
  t.same([...tagsOf(files)], [['ws A#_b', ['lib/x.ts', 'lib/y.ts']], ['ws A#_c', ['lib/y.ts']]])
})

/** Resolves to true when the installed version still has the part. */
type Probe = (t: Teardown) => boolean | Promise<boolean>

const probes: Readonly<Record<Part, Probe>> = {
  '@redis/client RedisCluster#_options': () => {
    const options = { rootNodes: [{ url: 'redis://127.0.0.1:1' }], defaults: { password: 'secret' } }
    return (createCluster(options) as { _options?: typeof options })._options?.defaults.password === 'secret'
  },
  '@nats-io/transport-node MsgHdrs#encode': async () => {
    // By a name that TypeScript does not follow, as in test/support/brokers.ts.
    const library: string = '@nats-io/transport-node'
    const { headers } = await import(library) as { headers (): { set (name: string, value: string): void, encode (): Uint8Array } }
    const two = headers()
    two.set('Nats-Msg-Id', 'an id')
    two.set('Nats-Expected-Stream', 'stream')
    const ours = headersOf({ 'Nats-Msg-Id': 'an id', 'Nats-Expected-Stream': 'stream' }) as { encode (): Buffer }
    return Buffer.from(two.encode()).equals(ours.encode())
  },
  'node Server#emit': async (t) => {
    const server = createServer()
    const names: unknown[] = []
    const emit = server.emit.bind(server) as (...values: unknown[]) => boolean
    server.emit = (...values: unknown[]) => { names.push(values[0]); return emit(...values) }
    server.on('upgrade', (_request, stream) => { stream.destroy() })
    await upgrade(t, server)
    return names.includes('upgrade')
  },
  'node Socket#_httpMessage': async () => await overHttp((_request, response) => {
    return (response.socket as { _httpMessage?: unknown } | null)?._httpMessage === response
  }),
  'node ServerResponse#assignSocket': () => {
    const [response, stream] = [new ServerResponse(new IncomingMessage(new PassThrough() as never)), new PassThrough()]
    response.assignSocket(stream as never)
    return response.socket === stream as never
  },
  'node ServerResponse#_headerSent': async () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()))
    response.writeHead(101)
    ;(response as unknown as { _headerSent: boolean })._headerSent = true
    response.end()
    await once(response, 'finish')
    return response.writableFinished && response.statusCode === 101
  },
  'node ServerResponse#detachSocket': () => {
    const [response, stream] = [new ServerResponse(new IncomingMessage(new PassThrough() as never)), new PassThrough()]
    response.assignSocket(stream as never)
    response.detachSocket(stream as never)
    return response.socket === null
  },
  'node ServerResponse#shouldKeepAlive': async () => {
    let was: unknown
    const { headers } = await answered((_request, response) => {
      was = response.shouldKeepAlive
      response.shouldKeepAlive = false
      response.end()
    })
    return was === true && headers.get('connection') === 'close'
  },
  'node Socket#alpnProtocol': async (t) => {
    const server = createSecureServer({ ...certificate, allowHTTP1: true })
    t.teardown(() => server.close())
    const [up, down] = [new PassThrough(), new PassThrough()]
    const requested = once(server, 'request')
    server.emit('secureConnection', Object.assign(pair(up, down), { encrypted: true, alpnProtocol: 'http/1.1', server }))
    up.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const [{ httpVersion }] = await requested as [IncomingMessage]
    return httpVersion === '1.1'
  },
  'fastify fastify.hooks': async () => {
    const app = Fastify()
    const hook = async (): Promise<void> => {}
    await app.addHook('onRequest', hook).after()
    const symbol = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.hooks')
    return (app as unknown as Record<symbol, { onRequest?: unknown[] } | undefined>)[symbol!]?.onRequest?.at(-1) === hook
  },
  'fastify reply.send': async () => {
    const payloads: unknown[] = []
    await replies((reply) => {
      const send = reply.send.bind(reply)
      reply.send = (payload) => { payloads.push(payload); return send(payload) }
    }, () => 'by return')
    return payloads.includes('by return')
  },
  'fastify reply.raw.writeHead': async () => await callsRaw('writeHead', () => 'text'),
  'fastify reply.raw.write': async () => await callsRaw('write', () => Readable.from(['chunk'])),
  'fastify reply.raw.end': async () => await callsRaw('end', () => 'text'),
  '@fastify/websocket onUpgrade': async (t) => {
    const app = await websocketApp(t)
    return app.server.rawListeners('upgrade').filter((listener) => /\.routing\(/.test(String(listener))).length === 1
  },
  '@fastify/websocket ws-socket': async (t) => {
    const [isDestroyed, isKept] = [await isDestroyedAfterResponse(t, false), !await isDestroyedAfterResponse(t, true)]
    return isDestroyed && isKept
  },
  '@fastify/websocket ws-head': async (t) => (await marksOf(t)).includes('ws-head'),
  '@fastify/websocket onRoute': async (t) => {
    const app = await websocketApp(t)
    const handler = (): string => 'over HTTP'
    let found: unknown
    app.addHook('onRoute', (options) => { found = options.handler })
    app.get('/', handler)
    return found !== handler
  },
  '@fastify/websocket injectWS': async (t) => {
    const app = await websocketApp(t)
    let served: WebSocket | undefined
    app.get('/', { websocket: true }, (ws) => { served = ws })
    await app.ready()
    let isPlain = false
    app.server.prependListener('upgrade', (request: object) => { isPlain = !(request instanceof IncomingMessage) })
    const ws = await app.injectWS('/')
    ws.terminate()
    served?.terminate()
    return isPlain
  },
  'ws WebSocket#setSocket': () => {
    const ws = openingWebSocket()
    ws.setSocket(Duplex.from(Buffer.from('')), Buffer.alloc(0), { maxPayload: MAX_PAYLOAD })
    return ws.readyState === ws.OPEN
  },
  'ws WebSocket#_protocol': () => {
    const ws = openingWebSocket()
    ws._protocol = 'chat.v1'
    return ws.protocol === 'chat.v1'
  },
  'ws WebSocket#_receiver': async (t) => (await serverWebSocket(t)).receiver instanceof Writable,
  'ws Receiver#_errored': async (t) => {
    const { receiver, client, ws } = await serverWebSocket(t)
    const before = receiver?._errored
    ws.on('error', () => {})
    client.write(maskedFrame('', 0xff))
    await until(() => receiver?._errored !== false)
    return before === false && receiver?._errored === true
  },
  'ws Receiver#_maxPayload': async (t) => (await serverWebSocket(t)).receiver?._maxPayload === MAX_PAYLOAD,
  'ws Receiver#_extensions': async (t) => {
    const { receiver } = await serverWebSocket(t)
    return typeof receiver?._extensions?.['permessage-deflate'] === 'object'
  },
  'ws PerMessageDeflate#_maxPayload': async (t) => {
    const { receiver } = await serverWebSocket(t)
    return receiver?._extensions?.['permessage-deflate']?._maxPayload === MAX_PAYLOAD
  },
  'ws Receiver#_write': async (t) => await receives(t, '_write'),
  'ws Receiver#write': async (t) => await receives(t, 'write'),
  'ws Receiver#end': async (t) => {
    const { receiver, client } = await serverWebSocket(t)
    const called = callOf(receiver!, 'end')
    client.end()
    await called
    return true
  },
  'ws WebSocket#close': async (t) => {
    const { ws, client } = await serverWebSocket(t)
    ws.on('error', () => {})
    const called = callOf(ws, 'close')
    client.write(maskedFrame('', 0xff))
    const [code, reason] = await called
    return code === 1002 && reason === undefined
  },
  'ajv ajv/dist/vocabularies': async () => {
    const { default: items } = await import('ajv/dist/vocabularies/applicator/items.js')
    const { default: limit } = await import('ajv/dist/vocabularies/validation/limitContains.js')
    return [items, limit].every((module) => JSON.stringify(module).includes('"keyword"'))
  },
  'ajv Ajv#RULES': () => Object.hasOwn(new Ajv().RULES.keywords, 'maxLength'),
  '@sinclair/typebox TypeBox.Kind': () => Symbol.for('TypeBox.Kind') in Legacy.String(),
  '@sinclair/typebox TypeBox.Transform': () => {
    return Symbol.for('TypeBox.Transform') in Legacy.Transform(Legacy.String()).Decode(Number).Encode(String)
  },
  '@sinclair/typebox TypeCompiler.Code': () => {
    TypeRegistry.Set('Own', () => true)
    const list = Legacy.Array(Legacy.String({ format: '0' }), { uniqueItems: true })
    const code = TypeCompiler.Code(Legacy.Object({ list, own: Legacy.Unsafe({ [Symbol.for('TypeBox.Kind')]: 'Own' }) }))
    TypeRegistry.Delete('Own')
    return ["format('0', ", "kind('Own', ", 'hash('].every((call) => code.includes(call))
  },
  '@sinclair/typebox build/cjs/type/registry': () => {
    const require = createRequire(import.meta.url)
    require('@sinclair/typebox')
    return Object.keys(require.cache).some((path) => /typebox[\\/]build[\\/]cjs[\\/]type[\\/]registry[\\/]format\.js$/.test(path))
  },
  'typebox ~kind': () => '~kind' in Current.String(),
  'typebox ~refine': () => '~refine' in Current.Refine(Current.String(), () => true),
  'typebox ~codec': () => '~codec' in Current.Codec(Current.String()).Decode(Number).Encode(String)
}

t.test('each private part of a dependency is still there', async (t) => {
  for (const [part, { versions, files }] of rows) {
    const upstream = part.split(' ', 1)[0]!
    const name = `${upstream} ${versionOf(upstream)} has ${part.slice(upstream.length + 1)}, last seen in ${versions}`
    await t.test(name, { timeout: 120_000 }, async (t) => {
      const probe = probes[part]
      if (probe === undefined) t.fail(`write a probe of ${part} in test/upstream.test.ts`)
      else t.ok(await probe(t), name, { usedBy: files })
    })
  }
})

function versionOf (upstream: string): string {
  if (upstream === 'node') return process.versions.node
  return (JSON.parse(readFileSync(join(root, 'node_modules', upstream, 'package.json'), 'utf8')) as { version: string }).version
}

const HANDSHAKE = handshakeText(
  { server: { address: () => ({ port: 80 }) } } as unknown as FastifyInstance,
  '/',
  { 'Sec-WebSocket-Extensions': 'permessage-deflate' }
)
const MAX_PAYLOAD = 4321

async function upgrade (t: Teardown, server: Server): Promise<void> {
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const client = connectTcp((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => {})
  client.write(HANDSHAKE)
  await once(client.resume(), 'close')
}

async function answered (listener: (request: IncomingMessage, response: ServerResponse) => void): Promise<Response> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  try {
    return await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.close()
  }
}

async function overHttp (isSo: (request: IncomingMessage, response: ServerResponse) => boolean): Promise<boolean> {
  const response = await answered((request, response) => { response.end(String(isSo(request, response))) })
  return await response.text() === 'true'
}

function pair (readable: PassThrough, writable: PassThrough): Duplex {
  const stream = new PassThrough()
  readable.on('data', (chunk) => stream.push(chunk))
  stream._write = (chunk: Buffer, _encoding, done) => { writable.write(chunk, done) }
  return stream
}

/** Answers one request of a Fastify app whose reply was prepared by an onRequest hook. */
async function replies (prepare: (reply: FastifyReply) => void, handler: () => unknown): Promise<void> {
  const app = Fastify()
  app.addHook('onRequest', async (_request, reply) => prepare(reply))
  app.get('/', async () => handler())
  await app.inject('/')
  await app.close()
}

async function callsRaw (name: 'writeHead' | 'write' | 'end', handler: () => unknown): Promise<boolean> {
  let calls = 0
  await replies(({ raw }) => {
    const method = (raw[name] as (...values: unknown[]) => never).bind(raw)
    raw[name] = (...values: unknown[]) => { calls++; return method(...values) }
  }, handler)
  return calls > 0
}

async function websocketApp (t: Teardown): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyWebsocket)
  return app
}

async function marksOf (t: Teardown): Promise<unknown[]> {
  const app = await websocketApp(t)
  let marks: unknown[] = []
  app.addHook('onRequest', async ({ raw }, reply) => {
    marks = Object.getOwnPropertySymbols(raw).map(({ description }) => description)
    return reply.code(403).send()
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const client = await connectRaw(t, app)
  client.write(handshakeText(app, '/'))
  await once(client, 'data')
  return marks
}

/** Refuses an upgrade; a later onResponse hook looks at its stream. */
async function isDestroyedAfterResponse (t: Teardown, isReplaced: boolean): Promise<boolean> {
  const app = await websocketApp(t)
  let isDestroyed: boolean | undefined
  app.addHook('onRequest', async ({ raw }, reply) => {
    const mark = Object.getOwnPropertySymbols(raw).find(({ description }) => description === 'ws-socket')!
    if (isReplaced) Object.assign(raw, { [mark]: { destroy () {} } })
    return reply.code(403).send()
  })
  app.addHook('onResponse', async ({ raw: { socket } }) => {
    isDestroyed = socket.destroyed
    socket.destroy()
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const client = await connectRaw(t, app)
  client.resume().write(handshakeText(app, '/'))
  await until(() => isDestroyed !== undefined)
  return isDestroyed!
}

interface Receiver {
  readonly _errored?: unknown
  readonly _maxPayload?: unknown
  readonly _extensions?: { readonly 'permessage-deflate'?: { readonly _maxPayload?: unknown } }
}
interface Served {
  readonly ws: WebSocket
  readonly receiver: Receiver | undefined
  readonly client: Duplex
}

/** A WebSocket of ws's server, and the stream of its client. */
async function serverWebSocket (t: Teardown): Promise<Served> {
  const server = createServer()
  const sockets = new WebSocketServer({ server, maxPayload: MAX_PAYLOAD, perMessageDeflate: true })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const client = connectTcp((server.address() as AddressInfo).port, '127.0.0.1')
  t.teardown(() => {
    client.destroy()
    server.close()
    sockets.close()
  })
  client.on('error', () => {})
  client.resume().write(HANDSHAKE)
  const [ws] = await once(sockets, 'connection') as [WebSocket]
  return { ws, receiver: (ws as unknown as { _receiver?: Receiver })._receiver, client }
}

/** A WebSocket as ws's server makes it, before it has a stream. */
function openingWebSocket (): WebSocket & { _protocol: string, setSocket: (stream: Duplex, head: Buffer, options: object) => void } {
  return new WebSocket(null as never, undefined, {}) as never
}

/** Replaces a method of an object and resolves to the arguments of its first call. */
async function callOf (object: object, name: string): Promise<unknown[]> {
  const methods = object as Record<string, (...values: unknown[]) => unknown>
  const method = methods[name]!.bind(object)
  return await new Promise((resolve) => {
    methods[name] = (...values) => {
      resolve(values)
      return method(...values)
    }
  })
}

async function receives (t: Teardown, name: string): Promise<boolean> {
  const { receiver, client } = await serverWebSocket(t)
  const frame = maskedFrame('hello')
  const called = callOf(receiver!, name)
  client.write(frame)
  return frame.equals((await called)[0] as Buffer)
}
