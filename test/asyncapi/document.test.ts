// The document of an app: what is in it, and under which names.
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { Type as Legacy } from '@sinclair/typebox'
import { Type as Current } from 'typebox'
import { asyncapi } from '../../lib/asyncapi/index.js'
import { defineContract } from '../../lib/contract.js'
import { createApp } from '../support/helper.js'
import { documentOf, info, loose, routeFor, type Loose } from './documents.js'
import { createStudy } from './study.js'

const committed = new URL('../fixtures/asyncapi.json', import.meta.url)

t.test('the document of a contract equals the committed one', async (t) => {
  const app = await createStudy(t)
  await app.ready()
  const document = app.asyncapi()
  // `UPDATE=1` writes it.
  if (process.env['UPDATE'] === '1') writeFileSync(committed, `${JSON.stringify(document, null, 2)}\n`)
  t.equal(`${JSON.stringify(document, null, 2)}\n`, readFileSync(committed, 'utf8'))
})

t.test('every example of a document is valid by its schema', async (t) => {
  const app = await createStudy(t, { protocol: true })
  await app.ready()
  const document = app.asyncapi()
  const ajv = new Ajv({ strict: false, allErrors: true })
  formats.default(ajv, ['binary'])
  ajv.addSchema(document, 'document')
  let count = 0
  for (const [name, message] of Object.entries(document.components['messages']!)) {
    const { payload, examples = [] } = message as { payload: { $ref: string }, examples?: Array<{ payload: unknown }> }
    for (const example of examples) {
      count++
      const validate = ajv.compile({ $ref: `document${payload.$ref}` })
      t.ok(validate(example.payload), `an example of ${name}`, { errors: validate.errors })
    }
  }
  t.equal(count, 14)
})

t.test('every reference of a document leads to a part of it', async (t) => {
  const app = await createStudy(t, { protocol: true })
  await app.ready()
  const text = JSON.stringify(app.asyncapi())
  const refs = new Set(Array.from(text.matchAll(/"\$ref":"#\/([^"]+)"/g), ([, path]) => path!))
  t.ok(refs.size > 20)
  for (const ref of refs) {
    const target = ref.split('/').reduce<unknown>((place, token) => (place as Loose | undefined)?.[token], JSON.parse(text))
    t.type(target, 'object', ref)
  }
})

t.test('a document is plain data, each time anew', async (t) => {
  const app = await createStudy(t)
  await app.ready()
  const document = app.asyncapi()
  document.info = { title: 'Changed', version: '2' }
  t.equal(app.asyncapi().info.title, 'Chat')
  t.match(app.asyncapi({ yaml: true }), /^asyncapi: "?3\.0\.0"?\ninfo:\n {2}title: Chat\n/)
})

t.test('the document of a client has send and receive the other way round', async (t) => {
  const app = await createStudy(t)
  await app.ready()
  const [server, client] = [loose(app.asyncapi()), loose(app.asyncapi({ perspective: 'client' }))]
  t.match(server['operations']!['chatRoomReceiveHistory'], { action: 'receive', title: '→ history' })
  t.match(client['operations']!['chatRoomSendHistory'], { action: 'send', title: '→ history' })
  t.match(client['operations']!['chatRoomReceiveConfirm'], { action: 'receive', title: '← confirm' })
  t.same(client['components'], server['components'])
  t.same(app.asyncapi({ perspective: 'server' }), server)
})

t.test('the protocol\'s own messages are told when asked for', async (t) => {
  const app = await createStudy(t, { protocol: true })
  await app.ready()
  const { operations, info } = loose(app.asyncapi())
  t.match(operations!['chatRoomReceiveCancel'], { action: 'receive', title: '→ $cancel', tags: [{ name: 'protocol' }] })
  t.match(operations!['chatRoomSendCancel'], { action: 'send' })
  t.match(operations!['chatRoomReceivePing'], { reply: { messages: [{ $ref: '#/channels/chatRoom/messages/pong' }] } })
  t.match(info!['description'], /\| 1012 \|.*\| comes back \|\n.*\n\| 4001 \| The room is full \| comes back \|/)
  t.match(info!['description'], /\| 4503 \| forbidden \| stays away \|/)

  const quiet = await documentOf(t, defineContract({ name: 'quiet', serverToClient: { said: Legacy.Object({}) } }), { protocol: true })
  t.same(Object.keys(quiet['operations']!), ['rootSendSaid', 'rootSendError', 'rootReceivePing'])
})

t.test('close codes of several contracts say whose they are', async (t) => {
  const app = await createApp(t)
  await app.register(asyncapi, { info })
  app.ws('/a', routeFor(defineContract({ name: 'a', closeCodes: { 4001: 'Full |\n here' } })))
  app.ws('/b', routeFor(defineContract({ name: 'b', closeCodes: { 4001: 'Late' } })))
  await app.ready()
  const { description } = app.asyncapi().info
  t.match(description, '| 4001 | Full \\| here (`a`) | comes back |\n| 4001 | Late (`b`) | comes back |')
  t.ok(description?.startsWith('| close code'))
})

for (const [line, Type] of Object.entries({ 'TypeBox 0.34': Legacy, 'TypeBox 1.x': Current as unknown as typeof Legacy })) {
  t.test(`${line}: schemas with a name are written once, under it`, async (t) => {
    const person = Type.Object({ name: Type.String() }, { $id: 'Person' })
    const contract = defineContract({
      name: 'x',
      serverToClient: { joined: person, left: Type.Object({ who: person, again: Type.Optional(person) }) }
    })
    const { schemas } = (await documentOf(t, contract))['components']!
    t.same(schemas!['Person'], { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] })
    t.match(schemas!['XServerJoined'], { allOf: [{ $ref: '#/components/schemas/Person' }, { required: ['type'] }] })
    const $ref = '#/components/schemas/Person'
    t.match(schemas!['XServerLeft'], { properties: { who: { $ref }, again: { $ref } } })
  })
}

t.test('modules, definitions, recursion and shared schemas are hoisted', async (t) => {
  const module = Legacy.Module({ Node: Legacy.Object({ next: Legacy.Optional(Legacy.Ref('Node')) }) })
  const cyclic = Current.Cyclic({ Tree: Current.Object({ children: Current.Array(Current.Ref('Tree')) }) }, 'Tree')
  const contract = defineContract({
    name: 'x',
    serverToClient: {
      node: module.Import('Node'),
      tree: cyclic,
      list: Legacy.Recursive((This) => Legacy.Object({ rest: Legacy.Optional(This) }), { $id: 'List' }),
      shared: Legacy.Object({ image: Legacy.Unsafe<unknown>({ $ref: 'https://example.com/image.json#', description: 'Shown.' }) }),
      own: {
        $defs: { 'a b': { type: 'integer', nullable: true }, yes: true },
        type: 'object',
        properties: { n: { $ref: '#/$defs/a%20b' }, self: { $ref: '#' }, yes: { $ref: '#/$defs/yes' } }
      }
    }
  })
  const image = {
    $id: 'https://example.com/image.json',
    type: 'object',
    properties: { size: { $ref: '#/definitions/Size' } },
    definitions: { Size: { type: 'integer' } }
  }
  const { schemas } = (await documentOf(t, contract, {}, [image]))['components']!
  const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` })
  t.match(schemas!['Node'], { properties: { next: ref('Node') } })
  t.match(schemas!['Tree'], { properties: { children: { items: ref('Tree') } } })
  t.match(schemas!['List'], { properties: { rest: ref('List') } })
  t.same(schemas!['Image'], { type: 'object', properties: { size: ref('Size') } })
  t.match(schemas!['XServerShared'], { properties: { image: { allOf: [ref('Image')], description: 'Shown.' } } })
  t.match(schemas!['XServerOwn'], { properties: { n: ref('A20b'), yes: ref('Yes') } })
  t.same(schemas!['A20b'], { type: ['integer', 'null'] })
  t.same(schemas!['Yes'], true)
  t.match(schemas!['XServerNode'], { allOf: [ref('Node'), {}] })
  t.notMatch(JSON.stringify(schemas), /\$id|\$defs|definitions|nullable/)
})

t.test('another schema of a name that is taken has its contract\'s in front', async (t) => {
  const app = await createApp(t)
  await app.register(asyncapi, { info })
  const person = (more: object): object => ({ $id: 'Person', type: 'object', properties: { name: { type: 'string' }, ...more } })
  app.ws('/a', routeFor(defineContract({ name: 'a', serverToClient: { one: Legacy.Object({ who: person({}) as never }) } })))
  app.ws('/b', routeFor(defineContract({ name: 'b', serverToClient: { one: Legacy.Object({ who: person({}) as never }) } })))
  app.ws('/c', routeFor(defineContract({ name: 'c', serverToClient: { one: Legacy.Object({ who: person({ age: {} }) as never }) } })))
  await app.ready()
  const { schemas } = loose(app.asyncapi())['components']!
  const names = Object.keys(schemas!).filter((name) => name.endsWith('Person'))
  t.same(names, ['Person', 'CPerson'])
  t.match(schemas!['BServerOne'], { properties: { who: { $ref: '#/components/schemas/Person' } } })
})

t.test('names are identifiers that differ', async (t) => {
  const event = Legacy.Object({})
  const contract = defineContract({
    name: '1.0',
    discriminator: 'op',
    clientToServer: { 'say-it': event, sayIt: event, binary: event, '👍': event, 'a.b/c~d': event },
    binary: { clientToServer: true }
  })
  const app = await createApp(t)
  await app.register(asyncapi, { info })
  app.ws('/1-st/:a(^\\d+$)/:b-:c/x::y', routeFor(contract))
  app.ws('/1/st/:a/:b-:c/x-y', routeFor(contract))
  app.ws('/{braces}', routeFor(contract))
  await app.ready()
  const document = loose(app.asyncapi())
  const names = [document['channels'], document['operations'], document['components']!['messages'], document['components']!['schemas']]
    .flatMap((part) => Object.keys(part!))
  for (const name of names) t.match(name, /^[A-Za-z_]\w*$/)
  const [first, second] = Object.entries(document['channels']!)
  t.match(first, ['_1StABCXY', { address: '/1-st/{a}/{b}-{c}/x:y', parameters: { a: {}, b: {}, c: {} } }])
  t.match(JSON.stringify(document['channels']), '"/%7Bbraces%7D"')
  t.match(second, ['_1StABCXY_2', { address: '/1/st/{a}/{b}-{c}/x-y' }])
  t.match(document['components']!['schemas']!['TypedWsOpError'], { properties: { op: { const: '$error' } }, required: ['op'] })
  t.match(document['operations']!['_1StABCXYReceiveSayIt_2'], { messages: [{ $ref: '#/channels/_1StABCXY/messages/clientSayIt_2' }] })
})

t.test('an event with a binary frame is described with it, in both directions', async (t) => {
  const app = await createApp(t)
  await app.register(asyncapi, { info })
  const words = { title: 'A picture.', description: 'As it was taken.', examples: [{ width: 3 }] }
  const payload = Legacy.Object({ width: Legacy.Integer() }, words)
  const bare = Legacy.Object({ width: Legacy.Integer() })
  const contract = defineContract({
    name: 'album.v1',
    clientToServer: { picture: { payload: bare, binary: true } },
    serverToClient: { picture: { payload, binary: true } }
  })
  app.ws('/album', { contract, on: { picture () {} } })
  await app.ready()
  const { messages, schemas } = loose(app.asyncapi())['components'] as Record<string, Record<string, Record<string, unknown>>>
  const follows = 'Its bytes are the binary frame that follows it.'
  t.match(messages!['AlbumV1ClientPicture'], { description: follows, 'x-typed-ws': { binary: true }, examples: undefined })
  t.match(messages!['AlbumV1ServerPicture'], {
    summary: 'A picture.',
    description: `As it was taken. ${follows}`,
    'x-typed-ws': { binary: true },
    examples: [{ payload: { type: 'picture', $binary: true, width: 3 } }]
  })
  t.same(schemas!['AlbumV1ClientPicture']!['required'], ['type', 'width'])
  t.match(schemas!['AlbumV1ServerPicture'], {
    properties: { $binary: { type: 'boolean', const: true } },
    required: ['type', '$binary', 'width']
  })
})

t.test('a handshake has its parameters, query and headers', async (t) => {
  const app = await createApp(t, { allowMissingOrigin: true })
  await app.register(asyncapi, { info })
  const contract = defineContract({ name: 'x' })
  app.addSchema({ $id: 'params', type: 'object', properties: { n: { type: 'integer', minimum: 1, maximum: 9, default: 2 } } })
  app.ws('/:n', routeFor(contract, { operationId: 'numbers', params: { $ref: 'params#' } }))
  app.ws('/files/*', routeFor(contract, {
    description: 'Files.',
    externalDocs: { url: 'https://example.com' },
    params: Legacy.Object({ '*': Legacy.Number() }),
    headers: Legacy.Object({ 'x-tenant': Legacy.String() })
  }))
  app.ws('/by/:kind/:when?', routeFor(contract, {
    params: Legacy.Object({
      kind: Legacy.Union([Legacy.Literal('a'), Legacy.Literal('b')]),
      when: Legacy.Optional(Legacy.String({ minLength: 1, pattern: '^\\d+$', format: 'date', enum: ['1', '2'] }))
    }),
    querystring: { type: 'object', properties: { q: { type: 'string' } } }
  }))
  await app.ready()
  const { channels } = loose(app.asyncapi())
  t.same(channels!['numbers']!['parameters'], { n: { description: 'An integer. At least 1. At most 9.', default: '2' } })
  t.notOk('required' in channels!['numbers']!['bindings']!['ws']!['headers']!)
  t.match(channels!['filesWildcard'], {
    address: '/files/{wildcard}',
    description: 'Files.',
    externalDocs: { url: 'https://example.com' },
    parameters: { wildcard: { description: 'A number.' } },
    bindings: { ws: { headers: { properties: { Origin: {}, 'x-tenant': { type: 'string' } }, required: ['x-tenant'] } } }
  })
  t.match(channels!['byKindWhen'], {
    address: '/by/{kind}/{when}',
    parameters: {
      kind: { enum: ['a', 'b'] },
      when: { description: 'At least 1 characters. Of the form ^\\d+$. Of the format date. May be left out.', enum: ['1', '2'] }
    },
    bindings: { ws: { query: { properties: { q: { type: 'string' } } } } }
  })
})

t.test('a schema without a word in its $id is a Schema, and check functions are left out', async (t) => {
  const even = Current.Refine(Current.Number({ $id: 'Even' }), (value) => value % 2 === 0, () => 'odd')
  const contract = defineContract({
    name: 'x',
    clientToServer: {
      ask: { request: Legacy.Object({}), reply: Legacy.Null(), examples: [{ request: {} }] },
      tell: { request: Legacy.Object({}), reply: Legacy.Null(), deprecated: true }
    },
    serverToClient: { said: Current.Object({ even, smile: Current.String({ $id: '/👍/' }), slash: Current.String({ $id: '/' }) }) }
  })
  const { schemas, messages } = (await documentOf(t, contract))['components']!
  t.same(schemas!['Even'], { type: 'number' })
  t.same(schemas!['Schema'], { type: 'string' })
  t.same(schemas!['XSchema'], { type: 'string' })
  t.equal(messages!['XClientTell']!['summary'], 'Deprecated.')
  t.same(messages!['XClientAsk']!['examples'], [{ payload: { type: 'ask', ref: 1 } }])
  t.notOk('examples' in messages!['XServerAskReply']!)
})

t.test('a union of literal texts is an enum, and a regular expression its source', async (t) => {
  const contract = defineContract({
    name: 'x',
    serverToClient: {
      said: Legacy.Object({
        mood: Legacy.Union([Legacy.Literal('good'), Legacy.Literal('bad')]),
        word: { type: 'string', pattern: /^a$/ } as never,
        either: Legacy.Union([Legacy.Literal('a'), Legacy.Literal(1)])
      })
    }
  })
  const { schemas } = (await documentOf(t, contract))['components']!
  t.match(schemas!['XServerSaid'], {
    properties: {
      mood: { type: 'string', enum: ['good', 'bad'] },
      word: { pattern: '^a$' },
      either: { anyOf: [{ const: 'a' }, { const: 1 }] }
    }
  })
})
