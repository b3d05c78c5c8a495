// The example, as people meet it: two browsers, one server, a network that fails.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { startBrowser } from '../support/browser.js'
import { Chat, main, NOT_GIF, PNG, type Scheme } from './chat.js'
import { Line } from './line.js'
import { Visitor } from './visitor.js'

t.ok(existsSync(main), 'the example is built: npm run build && npm run examples')

const browser = await startBrowser(t)

// Each story has a server and visitors of its own, and waits most of its time: for a lost person to
// be gone, for the next attempt.
t.jobs = 3
const skip = typeof browser === 'string' && browser

for (const scheme of ['http', 'https'] as const) {
  t.test(`the chat works in a browser, over ${scheme}`, { skip, buffered: true }, async (t) => {
    await tellStory(t, scheme, '/chat', browser as Browser)
  })
}

t.test('the chat works in a browser, by the typed client', { skip, buffered: true }, async (t) => {
  await tellStory(t, 'http', '/typed', browser as Browser)
})

async function tellStory (t: Test, scheme: Scheme, path: Visitor['path'], browser: Browser): Promise<void> {
  let chat = await Chat.start(t, scheme)
  const line = await Line.open(t, chat.port)
  const ada = await Visitor.enter(t, browser, `${scheme}://127.0.0.1:${line.port}`, path)
  const bea = await Visitor.enter(t, browser, chat.url, path)

  await t.test('a visitor who has not signed in is sent to sign in', async (t) => {
    for (const path of ['/', '/chat', '/typed']) {
      await ada.page.goto(ada.url + path)
      t.equal(new URL(ada.page.url()).pathname, '/sign-in')
    }
    t.equal(await ada.tryToConnect(chat.port), 1006, 'and gets no WebSocket')
  })

  await t.test('a visitor signs in by the form and is shown', async () => {
    await ada.signIn('Ada Lovelace')
    await ada.seesPeople('Ada Lovelace')
  })

  await t.test('the cookies are signed and hidden from scripts, and one came with the 101', async (t) => {
    const cookies = await ada.context.cookies()
    t.same(cookies.map(({ name }) => name).sort(), ['last_visit', 'person'])
    for (const cookie of cookies) t.match(cookie, { httpOnly: true, sameSite: 'Lax', secure: scheme === 'https' })
    t.match(cookies.find(({ name }) => name === 'person')?.value, /\.[\w%+/-]+$/)
  })

  await t.test('a visitor who joins sees earlier messages, and is shown', async () => {
    await ada.write('Is anybody here?')
    await ada.sees('Is anybody here?')
    await bea.signIn('Bea')
    await bea.sees('Is anybody here?')
    await ada.seesPeople('Ada Lovelace', 'Bea')
    await bea.seesPeople('Bea', 'Ada Lovelace')
  })

  await t.test('a message is shown in both browsers, as text, with name and time', async (t) => {
    await ada.write('<b>bold</b> & plain')
    for (const visitor of [ada, bea]) await visitor.sees('<b>bold</b> & plain')
    t.match(await bea.page.locator('.entry').last().locator('.clock').getAttribute('datetime'), /^\d{4}-/)
    t.equal(await bea.page.locator('.entry:not(.continued) .name').last().textContent(), 'Ada Lovelace')
    t.match(
      ada.frames.sent.map((frame) => JSON.parse(frame as string)).at(-1),
      { type: 'message', text: '<b>bold</b> & plain', id: String, date: Number }
    )
  })

  await t.test('a message that the server rejects is shown by its $error, and not lost', async (t) => {
    await ada.write('')
    await ada.seesToast('There is nothing in it yet: write a message first.')
    await ada.seesToast('400 FST_TYPED_WS_VALIDATION')
    await ada.write('x'.repeat(2001))
    await ada.seesToast('A message has 2,000 characters at most, and this one has 2,001.')
    t.equal(await ada.page.inputValue('#text'), 'x'.repeat(2001), 'the person can make it shorter')
    for (const visitor of [ada, bea]) t.equal(await visitor.page.locator('.bubble').count(), 2)
  })

  await t.test('an image leaves as a Blob, and both browsers load it by its address', async (t) => {
    await ada.sendFile('dot.png', 'image/png', PNG)
    for (const visitor of [ada, bea]) {
      t.same(await visitor.imageSizes(1), [[37, 23]])
      t.match(await visitor.page.locator('#log img').getAttribute('src'), /^\/chat\/images\/[\da-f-]{36}$/)
      t.same(visitor.frames.received.filter((frame) => typeof frame !== 'string'), [])
    }
    t.same(await ada.page.evaluate('dataSeen'), { sent: ['Blob'], received: [] })
    t.same(await bea.page.evaluate('dataSeen'), { sent: [], received: [] })
  })

  await t.test('a file that is no image is refused, whatever its name', async () => {
    await ada.sendFile('dot.gif', 'image/gif', NOT_GIF)
    await ada.seesToast('Only PNG, JPEG, GIF and WebP images can be sent')
  })

  await t.test('a photo too large for the server is made smaller', async (t) => {
    await bea.sendFile('noise.bmp', 'image/bmp', bitmap(2000, 200))
    t.same((await bea.imageSizes(2))[1], [1600, 160])
    await ada.imageSizes(2)
  })

  await t.test('a lost connection is shown, comes back, and brings the missed messages', async (t) => {
    const asked = ada.asked('history')
    line.cut()
    await ada.seesState('Offline')
    await ada.page.locator('#banner', { hasText: 'Connection lost' }).waitFor()
    await ada.page.locator('#here', { hasText: 'Last seen' }).waitFor()
    t.equal(await ada.styleOf('#people .avatar', 'filter'), 'grayscale(1)', 'the list of people is gray')
    t.equal(await bea.styleOf('#people .avatar', 'filter'), 'none')
    await (path === '/typed' ? keepsMessages(t, ada) : keepsText(t, ada))
    await bea.seesPeople('Bea')
    await bea.write('While you were away')
    await bea.sendFile('dot.png', 'image/png', PNG)
    await bea.imageSizes(3)
    await line.mend()
    await ada.seesState('Connected')
    await ada.sees('While you were away')
    for (const text of path === '/typed' ? ['Does it wait?', 'It does'] : []) for (const visitor of [ada, bea]) await visitor.sees(text)
    t.equal(await ada.page.locator('#outbox .bubble').count(), 0)
    t.equal(await ada.page.locator('#here', { hasText: 'Here now' }).count(), 1)
    t.same((await ada.imageSizes(3))[2], [37, 23])
    t.equal(await ada.page.locator('.bubble', { hasText: 'Is anybody here?' }).count(), 1, 'nothing comes twice')
    t.match(ada.recoveries, [{ topic: 'lobby', recovered: true, missed: Number }], 'it was recovered')
    t.equal(ada.asked('history'), asked, 'the history was not asked for again')
    t.same(bea.recoveries, [])
    await bea.seesPeople('Bea', 'Ada Lovelace')
  })

  await t.test('the page comes back by itself, within seconds, after a restart of the server', async (t) => {
    for (const visitor of [ada, bea]) await visitor.noteBanner()
    t.equal(await chat.stop('SIGTERM'), 0)
    for (const visitor of [ada, bea]) await visitor.seesState('Offline')
    chat = await chat.startAgain(t)
    for (const visitor of [ada, bea]) {
      await visitor.seesState('Connected')
      const said = await visitor.bannerTexts()
      t.match(said[0], /^The server restarts\. Trying again (?:in [1-5] s|now)\.$/)
      t.same(said.filter((text) => !/Trying again (?:in [1-5] s|now)\.$/.test(text)), [], 'no wait is longer than 5 s')
      // A history in the memory of a process ends with it, and a page says so.
      await visitor.seesToast('Messages may be missing.')
      t.match(visitor.recoveries.at(-1), { topic: 'lobby', recovered: false, reason: 'lost' })
    }
    await bea.write('We are back')
    await ada.sees('We are back')
  })

  await t.test('the page waits for a server that dies', async () => {
    await chat.stop('SIGKILL')
    for (const visitor of [ada, bea]) await visitor.seesState('Offline')
    chat = await chat.startAgain(t)
    for (const visitor of [ada, bea]) {
      await visitor.seesState('Connected')
    }
    await ada.write('And back again')
    await bea.sees('And back again')
  })

  await t.test('a page of another origin gets no connection, in spite of its cookies', async (t) => {
    const elsewhere = await Visitor.enter(t, browser, await serveEmptyPage(t), path, bea.context)
    await elsewhere.page.goto(elsewhere.url)
    t.equal(await elsewhere.tryToConnect(chat.port, scheme), 1006)
    await bea.page.reload()
    await bea.seesState('Connected')
    t.equal(await bea.tryToConnect(chat.port, scheme), 'open', 'the page itself does')
  })

  await t.test('a visitor who closes the last tab leaves', async () => {
    await ada.seesPeople('Ada Lovelace', 'Bea')
    const tab = await Visitor.enter(t, browser, bea.url, path, bea.context)
    await tab.comeIn()
    await bea.page.close()
    await tab.write('My other tab is closed')
    await ada.sees('My other tab is closed')
    await ada.seesPeople('Ada Lovelace', 'Bea')
    await tab.page.close()
    await ada.seesPeople('Ada Lovelace')
  })

  await t.test('signing out ends every tab, and the others say so', async (t) => {
    const tab = await Visitor.enter(t, browser, ada.url, path, ada.context)
    await tab.comeIn()
    await ada.page.getByRole('button', { name: 'Sign out' }).click()
    await ada.page.waitForURL('**/sign-in')
    await tab.page.waitForURL('**/sign-in#elsewhere')
    await tab.page.getByText('You signed out in another tab or window.').waitFor()
    t.equal(await ada.page.locator('.problem:visible').count(), 0, 'the tab where it was done says nothing')
    t.same((await ada.context.cookies()).map(({ name }) => name), ['last_visit'])
    t.equal(await ada.tryToConnect(chat.port), 1006)
  })

  t.same([...ada.faults, ...bea.faults], [], 'the pages met no error, and broke no Content-Security-Policy')
}

/** The typed client sends later what is written now. */
async function keepsMessages (t: Test, visitor: Visitor): Promise<void> {
  t.equal(await visitor.page.getAttribute('#text', 'placeholder'), 'Offline: messages wait')
  await visitor.write('Does it wait?')
  await visitor.page.locator('#waiting', { hasText: '1 message waits.' }).waitFor()
  await visitor.write('It does')
  await visitor.page.locator('#waiting', { hasText: '2 messages wait.' }).waitFor()
  t.same(await visitor.page.locator('#outbox .bubble').allTextContents(), ['Does it wait?', 'It does'])
  t.same(await visitor.page.locator('#outbox .byline').allTextContents(), Array(2).fill('Waits for the connection'))
}

/** A stock WebSocket keeps nothing: the text stays where it is written. */
async function keepsText (t: Test, visitor: Visitor): Promise<void> {
  t.equal(await visitor.page.getAttribute('#text', 'placeholder'), 'Offline: your text waits')
  t.ok(await visitor.page.locator('#send').isDisabled())
  await visitor.write('Half a thought')
  t.equal(await visitor.page.inputValue('#text'), 'Half a thought')
  await visitor.page.fill('#text', '')
}

/** A page of nobody's, on a port of its own. */
async function serveEmptyPage (t: Test): Promise<string> {
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An uncompressed image, which is larger than the server takes. */
function bitmap (width: number, height: number): Buffer {
  const header = Buffer.alloc(54)
  header.write('BM')
  header.writeUInt32LE(header.length, 10)
  header.writeUInt32LE(40, 14)
  header.writeInt32LE(width, 18)
  header.writeInt32LE(height, 22)
  header.writeUInt16LE(1, 26)
  header.writeUInt16LE(24, 28)
  return Buffer.concat([header, Buffer.alloc(width * height * 3, 0x7f)])
}
