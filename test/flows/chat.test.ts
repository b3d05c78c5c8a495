// The example, as any client meets it, without a browser.
import { existsSync } from 'node:fs'
import t from 'tap'
import { connect, refused, until } from '../support/helper.js'
import { ca, Chat, main, NOT_GIF, PNG } from './chat.js'

t.ok(existsSync(main), 'the example is built: npm run build && npm run examples')

for (const scheme of ['http', 'https'] as const) {
  t.test(`the chat works for any other client, over ${scheme}`, async (t) => {
    const chat = await Chat.start(t, scheme)
    const { wsUrl, url: origin } = chat
    const cookie = await chat.signIn('Bare')

    await t.test('the start of the server ends with a line that says the address', async (t) => {
      await until(() => chat.output.split('\n').includes(`Chat on ${origin}`))
      t.pass(origin)
    })

    await t.test('a visitor who has not signed in is redirected, page and WebSocket alike', async (t) => {
      for (const { statusCode, headers } of [await chat.ask('/chat'), await refused(wsUrl, { ca })]) {
        t.equal(statusCode, 302)
        t.equal(headers.location, '/sign-in')
      }
      t.equal(
        (await refused(wsUrl, { ca, headers: { cookie: cookie.replace('Bare', 'Boss') } })).statusCode,
        302,
        'a cookie somebody changed is none'
      )
    })

    await t.test('a form of another page can neither sign in nor sign out', async (t) => {
      for (const path of ['/sign-in', '/sign-out']) {
        for (const headers of [{ origin: 'https://elsewhere.example' }, { origin: 'null' }, {}]) {
          const reply = await chat.post(path, { name: 'Eve' }, { ...headers, cookie })
          t.equal(reply.statusCode, 403)
          t.notOk(reply.headers['set-cookie'])
        }
      }
    })

    await t.test('an invalid name is refused', async (t) => {
      for (const name of ['', '   ', '\u200b', 'x'.repeat(31), 'a\nb']) {
        const reply = await chat.post('/sign-in', { name })
        t.equal(reply.headers.location, '/sign-in#refused')
        t.notOk(reply.headers['set-cookie'])
      }
    })

    await t.test('a page of another origin gets a 403, and so does a request without an Origin', async (t) => {
      t.equal((await refused(wsUrl, { ca, headers: { cookie }, origin: 'https://elsewhere.example' })).statusCode, 403)
      const withoutOrigin = await chat.ask(
        '/chat',
        {
          headers: {
            cookie,
            connection: 'Upgrade',
            upgrade: 'websocket',
            'sec-websocket-version': '13',
            'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ=='
          }
        }
      )
      t.equal(withoutOrigin.statusCode, 403)
      t.match(withoutOrigin.body, /allowMissingOrigin|Origin/)
    })

    await t.test('the 101 has a cookie, and the same headers as every other reply', async (t) => {
      const client = await connect(t, wsUrl, { ca, headers: { cookie }, origin })
      t.match(client.headers['set-cookie']?.join(), /^last_visit=\d+; Max-Age=\d+; Path=\/; HttpOnly;.* SameSite=Lax/)
      t.equal(client.headers['set-cookie']?.join().includes('Secure'), scheme === 'https')
      t.match(client.headers['content-security-policy'], /default-src 'none'/)
      t.match(await client.next(), { type: 'present', you: { name: 'Bare' } })
      await client.close()
    })

    await t.test('a client needs nothing but plain JSON', async (t) => {
      const client = await connect(t, wsUrl, { ca, headers: { cookie }, origin })
      await client.next()
      client.send('{"type":"message","text":"","date":1}')
      t.match(
        await client.next(),
        {
          type: '$error',
          received: 'message',
          statusCode: 400,
          code: 'FST_TYPED_WS_VALIDATION',
          message: 'message/text must NOT have fewer than 1 characters'
        }
      )
      client.send({ type: 'message', text: 'hello', id: 'mine', date: 1 })
      const { type, ...message } = await client.next()
      t.equal(type, 'message')
      t.match(message, { name: 'Bare', text: 'hello' })
      t.not(message.id, 'mine', 'the server gives the id')
      t.not(message.date, 1, 'and the date')
      client.send({ type: 'history', ref: 7 })
      t.same(await client.next(), { type: '$reply', ref: 7, data: [message] })
      client.send({ type: 'history', ref: 8, since: Number(message.date) + 1 })
      t.same(await client.next(), { type: '$reply', ref: 8, data: [] })
      await client.close()
    })

    await t.test('a client that comes back is given what it missed, where it says how far it came', async (t) => {
      const protocols = ['chat.v2', 'typed-ws.recover']
      const other = await connect(t, wsUrl, { ca, headers: { cookie }, origin })
      const first = await connect(t, wsUrl, { ca, headers: { cookie }, origin, protocols })
      await other.next()
      first.send({ type: '$recover', client: 'bare-client', topics: {} })
      const { epoch, offset } = (await first.take(2)).find(({ type }) => type === '$topic')!
      await first.close()
      other.send({ type: 'message', text: 'You are away', date: 1 })
      t.match(await other.next(), { type: 'message', text: 'You are away' })
      const second = await connect(t, wsUrl, { ca, headers: { cookie }, origin, protocols })
      second.send({ type: '$recover', client: 'bare-client', topics: { lobby: [epoch, offset] } })
      const told = (await second.take(3)).filter(({ type }) => type !== 'present')
      t.match(told, [
        { type: '$topic', topic: 'lobby', epoch, recovered: true, missed: 1 },
        { $at: ['lobby', Number], type: 'message', text: 'You are away' }
      ])
      await other.close()
      await second.close()
    })

    await t.test('an image is told by its address, and other bytes are refused', async (t) => {
      const client = await connect(t, wsUrl, { ca, headers: { cookie }, origin })
      await client.next()
      client.send(PNG)
      const image = await client.next()
      t.match(image, { type: 'image', name: 'Bare', mime: 'image/png', size: PNG.length })
      client.send(NOT_GIF)
      t.match(await client.next(), { type: '$error', statusCode: 415, code: 'CHAT_NOT_AN_IMAGE' })
      const path = `/chat/images/${String(image.id)}`
      t.equal((await chat.ask(path)).statusCode, 302, 'nobody else sees it')
      const { headers } = await chat.ask(path, { headers: { cookie } })
      t.match(headers, { 'content-type': 'image/png', 'content-length': String(PNG.length) })
      t.equal((await chat.ask('/chat/images/none', { headers: { cookie } })).statusCode, 404)
      client.send(Buffer.alloc(1024 * 1024 + 1))
      t.equal((await client.closed()).code, 1009, 'more than a mebibyte is too much')
    })

    await t.test('signing out closes with a final code', async (t) => {
      const own = await chat.signIn('Leaver')
      const client = await connect(t, wsUrl, { ca, headers: { cookie: own }, origin })
      const reply = await chat.post('/sign-out', {}, { origin, cookie: own })
      t.equal(reply.headers.location, '/sign-in')
      t.match(reply.headers['set-cookie']?.join(), /^person=;/)
      t.same(await client.closed(), { code: 4510, reason: 'signed out' })
    })

    await t.test('the typed client comes in one file with the script of its page', async (t) => {
      t.match((await chat.ask('/typed', { headers: { cookie } })).body, /<script type="module" src="\/page\/typed\.js">/)
      const { statusCode, headers, body } = await chat.ask('/page/typed.js')
      t.match({ statusCode, headers }, { statusCode: 200, headers: { 'content-type': 'text/javascript; charset=utf-8' } })
      t.match(body, /FST_TYPED_WS_CLIENT_CLOSED/, 'it has the client in it')
      t.notMatch(body, /\bimport\b|lib\/client|node_modules/, 'it loads nothing more, and names no file of the package')
    })

    await t.test('the document of its messages is there for everyone', async (t) => {
      const document = JSON.parse((await chat.ask('/asyncapi/json')).body) as Record<string, Record<string, object>>
      t.match(document['info'], { title: 'Chat' })
      t.match(document['channels'], { chat: { address: '/chat' } })
      t.match(document['components']!['messages'], {
        ChatV2ServerImage: { summary: 'Somebody showed an image.' }
      })
    })

    await t.test('a client that asks for HTTP/2 gets plain HTTP, as from any server', async (t) => {
      const upgrade = ['Connection: Upgrade, HTTP2-Settings, close', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA']
      t.match(await chat.exchange(t, ['GET /sign-in HTTP/1.1', ...upgrade]), /^HTTP\/1\.1 200 OK\r\n[^]*<title>Sign in/)
      const form = ['POST /sign-in HTTP/1.1', `Origin: ${origin}`, 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: 9']
      t.match(await chat.exchange(t, [...form, ...upgrade], 'name=Curl'), /^HTTP\/1\.1 303 [^]*person=/)
    })

    await t.test('a server that restarts says when to come back: within a second', async (t) => {
      const client = await connect(t, wsUrl, { ca, headers: { cookie }, origin })
      t.equal(await chat.stop('SIGTERM'), 0)
      const { code, reason } = await client.closed()
      t.equal(code, 1012)
      const [, ms] = /^retry-after-ms=(\d+)$/.exec(reason)!
      t.ok(Number(ms) >= 1 && Number(ms) <= 1000, reason)
    })
  })
}
