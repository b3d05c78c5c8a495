// A page of the chat that was opened before its contract changed.
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import t from 'tap'
import { startBrowser } from '../support/browser.js'
import { Chat } from './chat.js'
import { startOldChat } from './old-chat.js'
import { Visitor } from './visitor.js'

// Only for what never comes.
const PATIENCE_MS = 120_000
// A transparent dot, 1 pixel by 1.
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')

const browser = await startBrowser(t)
const skip = typeof browser === 'string' && browser

t.test('an old page and a new one are in one room, after the old server gave way to the new one', { skip }, async (t) => {
  const key = randomBytes(32).toString('hex')
  const old = await startOldChat(t, key)
  const { port } = old.server.address() as AddressInfo

  const context = await (browser as Browser).newContext()
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  const heard = (text: string): Promise<void> => page.locator('li', { hasText: text }).waitFor()
  await page.goto(`http://127.0.0.1:${port}/chat`)
  await page.getByLabel('Your name').fill('Ada')
  await page.keyboard.press('Enter')
  await page.locator('#state', { hasText: 'chat.v1, connection 1, Ada' }).waitFor()
  await page.evaluate('say("Before")')
  await heard('Ada: Before')

  await old.close()
  const chat = await Chat.start(t, 'http', port, key)
  await page.locator('#state', { hasText: 'chat.v1, connection 2, Ada' }).waitFor()
  const bea = await Visitor.enter(t, browser as Browser, chat.url)
  await bea.signIn('Bea')
  await bea.seesPeople('Bea', 'Ada')

  await t.test('each of them hears the other', async () => {
    await bea.write('I am new')
    await heard('Bea: I am new')
    await page.evaluate('say("I am old")')
    await bea.sees('I am old')
    await heard('Ada: I am old')
  })

  await t.test('an image is one for the new page, and a sentence for the old one', async (t) => {
    await bea.sendFile('dot.png', 'image/png', PNG)
    t.same(await bea.imageSizes(1), [[1, 1]])
    await heard(`Bea: An image of ${PNG.length} bytes: reload the page to see it.`)
  })

  t.same(bea.faults, [])
})
