// The console in Chromium; and a moment of the example chat, of which the docs have a picture.
import { randomUUID } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { startBrowser } from '../support/browser.js'
import { connect, until } from '../support/helper.js'
import { Chat, main } from './chat.js'
import { tellStories } from './console-stories.js'

const browser = await startBrowser(t)
const skip = typeof browser === 'string' && browser
// Only for what never comes.
const PATIENCE_MS = 120_000
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPj/HwADBwIAMCbHYQAAAABJRU5ErkJggg=='

t.ok(existsSync(main), 'the example is built: npm run build && npm run examples')

t.test('the console in Chromium', { skip }, (t) => tellStories(t, browser))

t.test('a moment of the chat in the console', { skip }, async (t) => {
  const chat = await Chat.start(t, 'http')
  const people = ['Grace Hopper', 'Linus Pauling'].map((name) => ({ id: randomUUID(), name }))
  const [grace, linus] = await Promise.all(people.map(async (person) => {
    return await connect(t, chat.wsUrl, { headers: { cookie: chat.cookieOf(person) }, origin: chat.url, protocols: ['chat.v1'] })
  }))
  const context = await (browser as Browser).newContext({ viewport: { width: 1200, height: 800 } })
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  await page.goto(chat.url)
  await page.getByLabel('Your name').fill('Ada Lovelace')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/chat')
  await page.goto(`${chat.url}/console/`)
  // Before the document is there no button does anything.
  await page.locator('#route option').first().waitFor({ state: 'attached' })
  const rows = page.locator('#rows [role=option]')
  const sees = async (count: number): Promise<void> => await until(async () => await rows.count() === count)
  await page.getByRole('button', { name: 'Connect' }).click()
  await sees(2)
  const say = async (name: string, message: object): Promise<void> => {
    await page.getByLabel('Message', { exact: true }).selectOption({ label: name })
    await page.getByLabel('Message in JSON').fill(JSON.stringify(message, null, 2))
    await page.getByRole('button', { name: 'Send', exact: true }).click()
  }
  const date = Date.now()
  grace!.send({ type: 'message', text: 'Lunch at twelve? The canteen has dumplings.', date })
  await sees(3)
  await say('message', { type: 'message', text: 'I am in. Keep me a seat!', date })
  await sees(5)
  linus!.ws.send(Buffer.from(PNG, 'base64'))
  await sees(6)
  await say('message', { type: 'message', text: 'Is this the menu?' })
  await sees(8)
  await say('history', { type: 'history', since: date - 60_000 })
  await sees(10)
  await say('history', { type: 'history', since: 'yesterday' })
  await sees(12)
  await page.locator('#schema summary').click()
  await page.locator('#rows .type', { hasText: '$reply' }).click()
  await page.getByLabel('Message in JSON').focus()
  t.equal(await page.locator('.frame.error').count(), 2)
  t.match(await page.locator('#hints').textContent(), 'since must be number')
  // Away from the rows, which answer a mouse.
  await page.mouse.move(0, 0)
  for (const scheme of ['light', 'dark'] as const) await takePicture(page, scheme)
})

/** Takes the picture of the docs, where it is missing or is to be taken again. */
async function takePicture (page: Page, scheme: 'light' | 'dark'): Promise<void> {
  const file = new URL(`../../docs/console-${scheme}.png`, import.meta.url)
  await page.emulateMedia({ colorScheme: scheme })
  const picture = await page.screenshot({ animations: 'disabled' })
  if (!existsSync(file) || process.env['PICTURES'] === '1') writeFileSync(file, picture)
}
