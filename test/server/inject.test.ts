import t from 'tap'
import cookie from '@fastify/cookie'
import { Type } from '@sinclair/typebox'
import { defineContract } from '../../lib/index.js'
import { certificate, createApp } from '../helper.js'

const echo = defineContract({
  name: 'echo.v1',
  clientToServer: {
    say: Type.Object({ text: Type.String() }),
    twice: { request: Type.Object({ n: Type.Number() }), reply: Type.Number() }
  },
  serverToClient: { said: Type.Object({ text: Type.String() }) }
})
const on = { say: () => {}, twice: ({ n }: { n: number }) => 2 * n }

t.test('a client is in without a port, through every hook, with the subprotocol and the headers of the 101', async (t) => {
  const app = await createApp(t)
  await app.register(cookie)
  app.ws('/rooms/:room', {
    contract: echo,
    schema: { params: Type.Object({ room: Type.String() }) },
    onRequest: async (request, reply) => { reply.setCookie('seen', `${(request.query as { by: string }).by} ${request.ip} ${request.headers.cookie}`) },
    on
  })
  const client = await app.injectClient(echo, '/rooms/lobby', { headers: { Cookie: 'person=1' }, query: { by: 'me' } })
  t.equal(client.state, 'open')
  t.equal(client.protocol, 'echo.v1')
  t.match(client.headers['set-cookie'], [/seen=me%20127\.0\.0\.1%20person%3D1/])
  t.equal(await client.call('twice', { n: 21 }), 42)
  t.notOk(app.server.listening)
})

t.test('what the server says at once is kept until somebody listens', async (t) => {
  const app = await createApp(t)
  app.ws('/', { contract: echo, on, open (socket) { for (const text of ['a', 'b', 'c']) socket.send('said', { text }) } })
  const client = await app.injectClient(echo, '/')
  const said: string[] = []
  client.on('said', ({ text }) => { said.push(text) })
  await client.call('twice', { n: 1 })
  t.same(said, ['a', 'b', 'c'])
})

t.test('a refusal rejects with status, headers and body', async (t) => {
  const app = await createApp(t)
  app.ws('/', { contract: echo, on, onRequest: async (_request, reply) => reply.code(401).header('www-authenticate', 'Bearer').send({ who: 'are you' }) })
  await t.rejects(app.injectClient(echo, '/'), { code: 'FST_TYPED_WS_HANDSHAKE_REFUSED', statusCode: 401, headers: { 'www-authenticate': 'Bearer' }, body: '{"who":"are you"}' })
  await t.rejects(app.injectClient(echo, '/', { headers: { Origin: undefined } }), { code: 'FST_TYPED_WS_HANDSHAKE_REFUSED', statusCode: 403 })
  await t.rejects(app.injectClient(echo, '/nowhere'), { code: 'FST_TYPED_WS_HANDSHAKE_REFUSED', statusCode: 404 })
})

t.test('an https app sees https', async (t) => {
  const app = await createApp(t, {}, { https: certificate } as never)
  let protocol = ''
  app.ws('/', { contract: echo, on, open ({ request }) { protocol = request.protocol } })
  await app.injectClient(echo, '/')
  t.equal(protocol, 'https')
})

t.test('the client ends with the app', async (t) => {
  const app = await createApp(t)
  app.ws('/', { contract: echo, on })
  const client = await app.injectClient(echo, '/')
  await app.close()
  t.equal(client.state, 'closed')
})
