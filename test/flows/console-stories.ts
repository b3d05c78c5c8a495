// The console in a browser: each thing that it can do, by mouse and by keyboard. A file for each
// browser tells them, so that the two run side by side.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Test } from 'tap'
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { until } from '../support/helper.js'
import { startRoom, type Room } from './console-app.js'

// Only for what never comes.
const PATIENCE_MS = 120_000
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
// Notes all that the page would be stopped from doing, and the files that it saves.
const WATCH = `
  globalThis.violations = []
  globalThis.saved = []
  HTMLAnchorElement.prototype.click = function () { saved.push([this.download, this.href]) }
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => violations.push(violatedDirective + ' ' + blockedURI))`
const VIEWPORT = { width: 1280, height: 900 }

/** The console in a page, and a person before it: one of each for all stories. */
class Desk {
  readonly page: Page
  readonly room: Room
  readonly faults: string[] = []

  private constructor (page: Page, room: Room) {
    this.page = page
    this.room = room
    page.setDefaultTimeout(PATIENCE_MS)
    page.on('pageerror', (error) => this.faults.push(String(error)))
  }

  static async open (t: Test, browser: Browser): Promise<Desk> {
    const room = await startRoom(t)
    const context: BrowserContext = await browser.newContext({ viewport: VIEWPORT })
    t.teardown(() => context.close())
    await context.addInitScript({ content: `(() => {${WATCH}})()` })
    const desk = new Desk(await context.newPage(), room)
    // For the storage, which is the origin's.
    await desk.page.goto(`${room.url}/console/`)
    return desk
  }

  /** Comes to the page as if for the first time. */
  async enter (query = ''): Promise<void> {
    await this.page.evaluate('localStorage.clear()')
    await this.page.goto(`${this.room.url}/console${query}`)
    await this.isFilled()
    // The connection of the page before is closed by then.
    await until(() => this.room.sockets.size === 0)
    for (const list of [this.faults, this.room.handshakes, this.room.confirmed, this.room.codes]) list.length = 0
  }

  /** Waits until the document is there: before that no button does anything. */
  async isFilled (): Promise<void> {
    await this.page.locator('#route option').first().waitFor({ state: 'attached' })
  }

  async connect (): Promise<void> {
    await this.page.getByRole('button', { name: 'Connect' }).click()
    await this.sees('Connected')
  }

  /** Waits for a state of the connection. */
  async sees (text: string): Promise<void> {
    await this.page.locator('#state', { hasText: text }).waitFor()
  }

  async choose (message: string): Promise<void> {
    await this.page.getByLabel('Message', { exact: true }).selectOption({ label: message })
  }

  async write (message: object | string): Promise<void> {
    await this.page.getByLabel('Message in JSON').fill(typeof message === 'string' ? message : JSON.stringify(message))
  }

  async send (): Promise<void> {
    await this.page.getByRole('button', { name: 'Send', exact: true }).click()
  }

  async say (name: string, message?: object): Promise<void> {
    await this.choose(name)
    if (message !== undefined) await this.write(message)
    await this.send()
  }

  /** The rows that are drawn; each has a text as a person sees it. */
  rows (text: string | RegExp = ''): Locator {
    return this.page.locator('#rows [role=option]', { hasText: text })
  }

  async row (text: string | RegExp): Promise<Locator> {
    const row = this.rows(text).first()
    await row.waitFor()
    return row
  }

  async rowTexts (): Promise<string[]> {
    return await this.page.evaluate('Array.from(document.querySelectorAll("#rows .type"), (type) => type.textContent)')
  }

  /** Waits until the rows have these types, in this order. */
  async seesRows (...types: string[]): Promise<void> {
    await until(async () => String(await this.rowTexts()) === String(types))
  }

  async hints (): Promise<string[]> {
    return await this.page.locator('#hints li').allTextContents()
  }

  async seesHints (...hints: string[]): Promise<void> {
    await until(async () => String(await this.hints()) === String(hints))
  }

  async text (): Promise<Record<string, unknown>> {
    return JSON.parse(await this.page.getByLabel('Message in JSON').inputValue()) as Record<string, unknown>
  }

  async body (): Promise<string> {
    return await this.page.locator('#body').textContent() ?? ''
  }

  button (name: string): Locator {
    return this.page.getByRole('button', { name, exact: true })
  }

  /** The page did nothing that it may not. */
  async isClean (t: Test): Promise<void> {
    t.same(this.faults, [], 'no error')
    t.same(await this.page.evaluate('violations'), [], 'nothing against the policy')
  }

  // Firefox ESR 153 ends (signal 11 in the process of the page) after `ariaLabelledByElements` of a
  // section was read, as axe does for each `aria-labelledby`: the page has none.
  async accessibilityFaults (): Promise<string[]> {
    // In a function: its value would be told to the test.
    await this.page.evaluate(`(() => {${axe}})()`)
    return await this.page.evaluate(
      'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + \': \' + nodes.map(({ target }) => target).join()))'
    )
  }
}

/** Tells all stories in a browser; a text says why there is none. */
export async function tellStories (t: Test, browser: Browser | string): Promise<void> {
  t.ok(existsSync(new URL('../../dist/lib/console/page/main.js', import.meta.url)), 'the page is built: npm run build')
  if (typeof browser === 'string') throw new Error(browser)
  const desk = await Desk.open(t, browser)
  const { page, room } = desk

  await t.test('the handshake has the values of the form, and the token stays in memory', async (t) => {
    await desk.enter()
    t.same(await page.locator('#route option').allTextContents(), ['/rooms/{room} · A room', '/plain'])
    t.equal(await page.locator('#routeWords').textContent(), 'Its members hear all that is said in it.')
    await page.locator('#fields input').fill('a b')
    await page.getByLabel('?lang').selectOption('de')
    t.equal(await page.locator('#url').textContent(), `${room.url.replace('http', 'ws')}/rooms/a%20b?lang=de`)
    t.equal(await page.getByLabel('Subprotocol').inputValue(), 'room.v1')
    await page.getByLabel('Token').fill('s3cret')
    await desk.connect()
    const [handshake] = room.handshakes
    t.equal(handshake!.url, '/rooms/a%20b?lang=de')
    t.same(handshake!.protocols!.split(/, ?/), ['room.v1', 'typed-ws.refusal', 'bearer.s3cret'])
    t.notMatch(await page.evaluate('JSON.stringify([localStorage, sessionStorage, location.href, document.cookie])'), 's3cret')
    await page.reload()
    await desk.isFilled()
    t.equal(await page.getByLabel('Token').inputValue(), '', 'and is gone with the page')
    await desk.isClean(t)
  })

  await t.test('a subprotocol that cannot be is told beside the button', async (t) => {
    await desk.enter()
    await desk.page.getByLabel('Subprotocol').fill('a b')
    await desk.button('Connect').click()
    await until(async () => await desk.page.locator('#connectProblem').textContent() !== '')
    t.same(desk.room.handshakes, [])
  })

  await t.test('an event is sent as it is written: its sample, its type, its hints and its $error', async (t) => {
    await desk.enter()
    await desk.choose('message')
    t.same(await desk.text(), { type: 'message', text: 'Hello' })
    await desk.page.locator('#schema summary').click()
    t.equal(await desk.page.locator('#type').textContent(),
      'type Message = {\n  type: "message"\n' +
      '  text: string // Is read by all; minLength 1; maxLength 200\n  to?: string\n}')
    await desk.connect()
    await desk.send()
    await desk.seesRows('open', 'message', 'message')
    await desk.write({ type: 'message', text: '' })
    await desk.seesHints('text must have minLength 1')
    await desk.send()
    await desk.seesRows('open', 'message', 'message', 'message', '$error')
    const error = await desk.row('$error')
    t.match(await error.getAttribute('class'), /error/)
    t.match(await error.textContent(), /received error \$error/, 'also for those who see no color')
    await until(async () => (await desk.page.locator('#told').textContent())!.startsWith('$error message/text must NOT have fewer than 1'))
    await desk.write('no JSON')
    await until(async () => (await desk.hints())[0]?.startsWith('It is no JSON, and is sent as it is') === true)
    await desk.send()
    await desk.row('FST_TYPED_WS_INVALID_JSON')
    await desk.choose('whisper')
    t.equal(await desk.page.locator('#messageWords').textContent(), 'Deprecated.')
    await desk.button('Sample').click()
    t.same(await desk.text(), { type: 'whisper', text: 'text' })
    await desk.isClean(t)
  })

  await t.test('a call and a stream show their answers lit together, with the time since the question', async (t) => {
    await desk.enter()
    await desk.connect()
    await desk.choose('history')
    t.same(await desk.text(), { type: 'history', limit: 1 }, 'a ref is given by the page')
    await desk.seesHints()
    await desk.say('history', { type: 'history', limit: 2 })
    await desk.seesRows('open', 'history', '$reply')
    await desk.say('ticks', { type: 'ticks', count: 2 })
    await desk.seesRows('open', 'history', '$reply', 'ticks', '$next', '$next', '$done')
    t.match(await desk.rows('$reply').locator('.waited').textContent(), /^\+\d/)
    t.match(await desk.rows('$reply').locator('.size').textContent(), /^\d+ B$/)
    await desk.rows('$next').first().click()
    // The stream, its items and its end.
    await until(async () => await desk.page.locator('.lit').count() === 4)
    t.match(await desk.page.locator('#detailWords').textContent(), /ref 2 · \d+ m?s after ticks$/)
    t.same(JSON.parse(await desk.body()), { type: '$next', ref: 2, data: 0 })
    await desk.isClean(t)
  })

  await t.test('a stream is canceled, and a call of the server\'s is answered by its own schema', async (t) => {
    await desk.enter()
    await desk.connect()
    await desk.say('ticks', { type: 'ticks', count: 0 })
    await desk.button('Cancel').click()
    await desk.row('$cancel')
    await until(async () => await desk.page.locator('#open li').count() === 0)
    await desk.say('question')
    await desk.choose('history')
    await desk.write({ type: 'history', limit: 99 })
    await desk.page.locator('#open').getByRole('button', { name: 'Answer' }).click()
    const { ref, ...sample } = await desk.text()
    t.same(sample, { type: '$reply', data: { yes: true } })
    await desk.write({ type: '$reply', ref, data: { yes: 'no' } })
    await desk.seesHints('data.yes must be boolean')
    await desk.write({ type: '$reply', ref, data: { yes: false } })
    await desk.send()
    await until(() => desk.room.confirmed.length === 1)
    t.same(desk.room.confirmed, [{ yes: false }])
    // The message from before is back, with hints by its own schema.
    await desk.seesHints('limit must have maximum 50')
    t.same(await desk.text(), { type: 'history', limit: 99 })
    await desk.isClean(t)
  })

  await t.test('bytes are sent from hex digits or a file, alone and behind their event', async (t) => {
    await desk.enter()
    await desk.connect()
    await desk.choose('binary frame')
    await desk.page.getByLabel('Bytes in hex').fill('89 5')
    await desk.send()
    await desk.page.getByText('A byte has two hex digits.').waitFor()
    await desk.page.getByLabel('Bytes in hex').fill('89 50 4e 47')
    await desk.send()
    await desk.seesRows('open', 'binary', 'binary')
    t.match(await desk.rows('89 50 4e 47').nth(1).textContent(), /^←received binary.*\.PNG.*4 B/)
    await desk.rows('.PNG').nth(1).click()
    t.match(await desk.body(), /^000000 {2}89 50 4e 47 .*\.PNG$/)
    await desk.button('Save as a file').click()
    t.match(await desk.page.evaluate('saved'), [['frame.bin', /^blob:/]])
    await desk.choose('picture')
    await desk.page.getByLabel('or a file').setInputFiles({
      name: 'a.bin',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from('file')
    })
    await desk.send()
    await desk.seesRows('open', 'binary', 'binary', 'picture', 'binary', 'picture', 'binary')
    t.match(await desk.rows().last().textContent(), 'The bytes of picture')
    await desk.isClean(t)
  })

  await t.test('prepared messages outlive the page, and a sent frame is sent again or edited', async (t) => {
    await desk.enter()
    await desk.choose('history')
    await desk.write({ type: 'history', limit: 7 })
    await desk.page.locator('#prepared summary').click()
    await desk.page.getByLabel('Name', { exact: true }).fill('seven')
    await desk.button('Save').click()
    await desk.button('seven').waitFor()
    await desk.page.reload()
    await desk.isFilled()
    await desk.page.locator('#prepared summary').click()
    await desk.button('seven').click()
    t.same(await desk.text(), { type: 'history', limit: 7 })
    await desk.connect()
    await desk.send()
    await desk.seesRows('open', 'history', '$reply')
    await desk.rows('history').first().click()
    await desk.button('Send again').click()
    await desk.row('"ref":2,"limit":7')
    await desk.button('Edit').click()
    t.same(await desk.text(), { type: 'history', ref: 1, limit: 7 })
    t.ok(await desk.page.locator('#route').isDisabled(), 'a route is chosen before it is opened')
    await desk.button('Remove seven').click()
    t.equal(await desk.button('seven').count(), 0)
    await desk.isClean(t)
  })

  await t.test('frames are filtered by type, direction, ref and text, paused, cleared, and copied as lines of JSON', async (t) => {
    await desk.enter()
    await desk.connect()
    await desk.say('message', { type: 'message', text: 'first' })
    await desk.seesRows('open', 'message', 'message')
    await desk.say('history', { type: 'history', limit: 1 })
    await desk.seesRows('open', 'message', 'message', 'history', '$reply')
    await desk.button('Ping').click()
    await page.locator('#pings').check()
    await desk.seesRows('open', 'message', 'message', 'history', '$reply', '$ping', '$pong')
    await page.locator('#pings').uncheck()
    await desk.seesRows('open', 'message', 'message', 'history', '$reply')
    await page.getByLabel('Direction').selectOption('Sent')
    await desk.seesRows('message', 'history')
    await page.getByLabel('Direction').selectOption('Both sides')
    await page.getByLabel('Type', { exact: true }).selectOption('history')
    await desk.seesRows('history', '$reply')
    await page.getByLabel('Type', { exact: true }).selectOption('All types')
    await page.getByLabel('Text, or ref:3').fill('ref:1')
    await desk.seesRows('history', '$reply')
    await desk.button('Copy').click()
    await page.locator('#told', { hasText: 'Copied: 2 frames' }).waitFor({ state: 'attached' })
    const pasted = page.getByLabel('Message in JSON')
    await pasted.fill('')
    await pasted.press('Control+V')
    const lines = (await pasted.inputValue()).split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
    t.match(lines, [
      { direction: 'sent', data: { type: 'history', ref: 1, limit: 1 } },
      { direction: 'received', data: { type: '$reply', ref: 1 } }
    ])
    await page.getByLabel('Text, or ref:3').fill('FIRST')
    await desk.seesRows('message', 'message')
    await page.getByLabel('Text, or ref:3').fill('')
    await desk.button('Pause').click()
    await desk.say('message', { type: 'message', text: 'second' })
    await page.locator('#count', { hasText: 'paused, 2 new' }).waitFor()
    t.equal(await desk.rows('second').count(), 0)
    await desk.button('Resume').click()
    await desk.row('second')
    await desk.button('Clear').click()
    await desk.seesRows()
    await desk.isClean(t)
  })

  await t.test('a close shows its code and the meaning, and only a person opens again', async (t) => {
    await desk.enter()
    await desk.connect()
    await desk.say('leave', { type: 'leave', code: 4001 })
    await desk.sees('Closed: 4001 The room is full')
    t.match(await (await desk.row('closed')).textContent(), '4001 The room is full, "see you"; a client comes back')
    t.equal(room.handshakes.length, 1)
    await desk.connect()
    await page.getByLabel('Close code').fill('4321')
    await desk.button('Close').click()
    await desk.sees('Closed: 4321')
    await until(() => String(room.codes) === '4001,4321')
    await desk.connect()
    await page.getByLabel('Close code').fill('1001')
    await desk.button('Close').click()
    await until(async () => await page.locator('#connectProblem').textContent() !== '')
    await desk.sees('Connected')
    await page.getByLabel('Close code').fill('1000')
    await desk.button('Close').click()
    await desk.sees('Closed: 1000 either side is done')
    await page.locator('#fields input').fill('secret')
    await desk.button('Connect').click()
    await desk.sees('Refused: 4503 refused, as by HTTP 403')
    await desk.isClean(t)
  })

  await t.test('a crowd of frames leaves the page quick: 2,000 are kept, and those in sight are drawn', async (t) => {
    await desk.enter()
    await desk.connect()
    await desk.say('flood', { type: 'flood', count: 0 })
    await desk.seesRows('open', 'flood')
    // The page draws when it is told to.
    await desk.page.evaluate(`
      globalThis.whenDrawn = requestAnimationFrame
      requestAnimationFrame = (draw) => draws.push(draw)
      globalThis.draws = []`)
    for (let i = 0; i < 3; i++) await desk.say('flood', { type: 'flood', count: 1000 })
    await desk.say('history', { type: 'history', limit: 1 })
    await desk.page.locator('#told', { hasText: '$reply of history' }).waitFor({ state: 'attached' })
    t.equal(await desk.page.evaluate('draws.length'), 1, 'list and questions are drawn once for 3,005 frames')
    t.same(await desk.rowTexts(), [], 'and those from before have left')
    await desk.page.evaluate('requestAnimationFrame = whenDrawn; for (const draw of draws) draw()')
    await desk.page.locator('#count', { hasText: /^2000 · 1007 older left out$/ }).waitFor()
    t.match(await page.evaluate('rows.children.length + rows.children[1997].textContent'), /^2000.*flood 999/)
    const drawn = await page.evaluate<number>(
      '[...document.querySelectorAll("#rows > *")].filter((row) => row.firstChild.checkVisibility({ contentVisibilityAuto: true })).length'
    )
    t.ok(drawn > 0 && drawn < 200, `${drawn} rows are drawn`)
    // The end stays in sight while the person is there, and the same rows while they are elsewhere.
    await desk.say('message', { type: 'message', text: 'one more' })
    await page.locator('#count', { hasText: '1009 older' }).waitFor()
    await until(async () => await page.evaluate('Math.round(list.scrollHeight - list.clientHeight - list.scrollTop)') === 0)
    t.match(await page.evaluate('rows.lastChild.textContent'), 'one more')
    await page.locator('#list').focus()
    for (const key of ['Home', 'PageDown', 'PageDown', 'PageDown']) await page.keyboard.press(key)
    const place = async () => await page.evaluate('Math.round(document.querySelector("[aria-selected=true]").getBoundingClientRect().y)')
    const before = await place()
    await desk.say('message', { type: 'message', text: 'and one' })
    await page.locator('#count', { hasText: '1011 older' }).waitFor()
    await until(async () => await place() === before)
    await desk.isClean(t)
  })

  await t.test('the keyboard alone is enough', async (t) => {
    await desk.enter()
    await page.locator('#fields input').focus()
    await page.keyboard.press('Enter')
    await desk.sees('Connected')
    await page.getByLabel('Message in JSON').focus()
    await page.keyboard.press('Control+Enter')
    await desk.seesRows('open', 'message', 'message')
    await page.locator('#list').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    const selected = page.locator('[role=option][aria-selected=true]')
    await until(async () => (await selected.textContent())!.startsWith('→sent message'))
    await until(async () => await page.locator('#list').getAttribute('aria-activedescendant') === await selected.getAttribute('id'))
    await page.keyboard.press('End')
    await until(async () => (await selected.textContent())!.startsWith('←received message'))
    await page.keyboard.press('ArrowUp')
    await page.keyboard.press('PageUp')
    await page.keyboard.press('PageDown')
    await page.keyboard.press('Enter')
    t.equal(await page.evaluate('document.activeElement.id'), 'body')
    await page.keyboard.press('Escape')
    t.equal(await page.evaluate('document.activeElement.id'), 'list')
    await page.keyboard.press('Escape')
    await page.locator('#detail').waitFor({ state: 'hidden' })
    await desk.isClean(t)
  })

  await t.test('axe finds no fault, wide, at 320 pixels, in light and in dark', async (t) => {
    const judge = async (moment: string): Promise<void> => {
      for (const width of [VIEWPORT.width, 320]) {
        await page.setViewportSize({ width, height: 700 })
        for (const scheme of ['light', 'dark']) {
          await page.evaluate(`document.documentElement.style.colorScheme = '${scheme}'`)
          t.same(await desk.accessibilityFaults(), [], `${moment}, ${width} ${scheme}`)
        }
        t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'nothing is wider than the page')
      }
    }
    await desk.enter()
    await judge('before a connection')
    await desk.connect()
    await desk.say('message', { type: 'message', text: '' })
    await desk.say('history', { type: 'history', limit: 99 })
    await desk.say('question')
    await page.locator('#open li').waitFor()
    await page.locator('#schema summary').click()
    await page.locator('#prepared summary').click()
    await desk.say('ticks', { type: 'ticks', count: 1 })
    await (await desk.row('$next')).click()
    await page.locator('.lit').nth(2).waitFor()
    await judge('with frames')
    await page.setViewportSize(VIEWPORT)
  })

  await t.test('any document of AsyncAPI 3 of this origin is read', async (t) => {
    await desk.enter('?document=/asyncapi/json')
    await desk.connect()
    await desk.say('message')
    await desk.seesRows('open', 'message', 'message')
    for (const [source, sentence] of [
      ['https://example.com/a.json', 'The document must be of this origin.'],
      ['/nowhere', 'The server answers 404 Not Found.'],
      ['/console/icon.svg', 'JSON']
    ]) {
      await page.goto(`${room.url}/console/?document=${source!}`)
      await page.locator('#problem', { hasText: sentence! }).waitFor()
    }
    await desk.isClean(t)
  })
}
