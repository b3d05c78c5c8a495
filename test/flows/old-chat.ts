// The chat as it was, with a page that stays open when a newer server takes its place.
import Fastify, { type FastifyInstance } from 'fastify'
import typedWs from 'fastify-typed-ws'
import { chatV1 } from '../../examples/chat/contract-v1.js'
import { page } from '../../examples/chat/page.js'
import { signIn } from '../../examples/chat/sign-in.js'
import type { Teardown } from '../support/helper.js'

const ROOM = 'lobby'
const PAGE = `<!doctype html>
<title>The chat as it was</title>
<p id="state"></p>
<ul id="log"></ul>
<script type="module">
  let connections = 0
  function connect () {
    const ws = new WebSocket(location.href.replace('http', 'ws'), 'chat.v1')
    ws.onmessage = ({ data }) => {
      const { type, name, text, people } = JSON.parse(data)
      if (type === 'present') state.textContent = ws.protocol + ', connection ' + ++connections + ', ' + people[0].name
      if (type !== 'message') return
      const line = document.createElement('li')
      line.textContent = name + ': ' + text
      log.append(line)
    }
    ws.onclose = () => setTimeout(connect, 100)
    globalThis.say = (text) => ws.send(JSON.stringify({ type: 'message', text, date: Date.now() }))
  }
  const state = document.getElementById('state')
  const log = document.getElementById('log')
  connect()
</script>`

/** Starts the old server: the example's sign-in, and a room that knows the old contract alone. */
export async function startOldChat (t: Teardown, key: string): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(typedWs)
  await app.register(page)
  await app.register(signIn, { key: Buffer.from(key) })
  app.ws('/chat', {
    contract: chatV1,
    onRequest: app.signedIn,
    handler: (_request, reply) => reply.type('text/html').send(PAGE),
    async open (socket) {
      const { person } = socket.request
      await socket.subscribe(ROOM)
      socket.send('present', { you: person, people: [person] })
    },
    on: {
      async message ({ text }, socket) {
        const { id: from, name } = socket.request.person
        await app.channel(chatV1).publish(ROOM, 'message', { id: 'old', from, name, date: 0, text })
      },
      history: () => []
    },
    binary () {}
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app
}
