import t from 'tap'
import { compileHost } from '../../../lib/server/handshake/host.js'
import { connect, createApp, exchangeRaw, handshakeText, listen, Log, refused } from '../../support/helper.js'
import { echoRoute } from '../../support/echo.js'

const admits = (entries: string[], host: string | undefined, protocol = 'http'): boolean => compileHost(entries)({ host, protocol })

t.test('a host without a port admits every port, and a host with a port only that one', async (t) => {
  const rows: ReadonlyArray<readonly [entry: string, host: string | undefined, isAdmitted: boolean, protocol?: string]> = [
    ['chat.example', 'chat.example', true],
    ['chat.example', 'CHAT.example:8080', true],
    ['CHAT.example', 'chat.example', true],
    ['chat.example:80', 'chat.example', true],
    ['chat.example:443', 'chat.example', true, 'https'],
    ['chat.example:443', 'chat.example', false],
    ['chat.example:80', 'chat.example:8080', false],
    ['chat.example', 'evil.chat.example', false],
    ['chat.example', 'chat.example.evil.test', false],
    ['chat.example', 'xchat.example', false],
    ['chat.example', 'chat.example.', false],
    ['chat.example', 'chat.example@evil.test', false],
    ['chat.example', 'chat.example:80:80', false],
    ['chat.example', 'chat.example, chat.example', false],
    ['chat.example', '', false],
    ['chat.example', undefined, false],
    ['*.chat.example', 'a.chat.example', true],
    ['*.chat.example', 'a.b.chat.example:3000', true],
    ['*.chat.example:3000', 'a.chat.example', false],
    ['*.chat.example', 'chat.example', false],
    ['*.chat.example', '.chat.example', false],
    ['*.chat.example', 'a..chat.example', false],
    ['*.chat.example', 'achat.example', false],
    ['127.0.0.1:3000', '127.0.0.1:3000', true],
    ['[::1]', '[::1]:3000', true],
    ['[::1]', '[::2]', false],
    ['m\u00fcnchen.example', 'xn--mnchen-3ya.example', true]
  ]
  for (const [entry, host, isAdmitted, protocol] of rows) {
    t.equal(admits([entry], host, protocol), isAdmitted, `${entry} ${host} ${protocol ?? ''}`)
  }
  t.ok(admits(['a.test', 'b.test'], 'b.test'))
  t.ok(compileHost(undefined)({ host: 'anything', protocol: 'http' }))
})

t.test('a host that could never match is refused at boot, on a route', async (t) => {
  const app = await createApp(t)
  for (const entry of [
    '', 'https://chat.example', 'chat.example/', '*', '*.', 'a.*.test', 'a b', 'chat.example:http',
    'user@chat.example', '[::1', '999.1.1.1.1:x', '1.2.3.999'
  ]) {
    t.throws(() => app.ws('/', { ...echoRoute, host: [entry] }), {
      code: 'FST_TYPED_WS_INVALID_OPTION',
      message: /^Option 'host': ".*" is no host: write a name as it stands in an address/
    }, entry)
  }
})

t.test('a page that reaches the server by a rebound host name is refused before any hook', async (t) => {
  const log = new Log()
  const app = await createApp(t, { host: ['127.0.0.1'] }, { logger: log.options })
  let hooks = 0
  app.addHook('onRequest', async () => { hooks++ })
  app.ws('/', echoRoute)
  app.ws('/elsewhere', { ...echoRoute, host: ['rebound.test'], rejectWith: 'close' })
  const url = await listen(app)
  const rebound = { headers: { host: 'rebound.test' }, origin: 'http://rebound.test' }
  const { statusCode, body } = await refused(url, rebound)
  t.equal(statusCode, 421)
  t.match(JSON.parse(body), { code: 'FST_TYPED_WS_HOST_REFUSED', error: 'Misdirected Request' })
  t.equal(hooks, 0)
  t.match(log.find('websocket handshake refused'), [
    {
      level: 30,
      host: 'rebound.test',
      msg: 'websocket handshake refused: to admit it, add \'rebound.test\' to the option host of the route or the plugin'
    }
  ])
  await connect(t, url)
  await connect(t, `${url}/elsewhere`, rebound)
  t.equal((await (await connect(t, `${url}/elsewhere`)).closed()).code, 4521, 'which a page may be told')
  await exchangeRaw(t, app, Buffer.from(handshakeText(app, '/', { Host: 'a\u0085' }), 'latin1'))
  t.equal(log.find('websocket handshake refused').at(-1)!['host'], 'a\\u{85}')
})
