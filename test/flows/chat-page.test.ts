// The page of the example, as it looks: colors, a narrow phone, the keyboard.
import { existsSync } from 'node:fs'
import type { Browser } from 'playwright-core'
import t from 'tap'
import { startBrowser } from '../support/browser.js'
import { connect, until } from '../support/helper.js'
import { Chat, main } from './chat.js'
import { Visitor } from './visitor.js'

// Their ids differ by the first digit that a color comes from, so that the colors are neighbors.
const NEIGHBORS = ['Ann', 'Ben'].map((name, i) => ({ id: `0000000${i}-0000-4000-8000-000000000000`, name }))
const CROWD = ['Grace Hopper', 'Hedy Lamarr', 'Joan Clarke', 'Karen Jones', 'Mary Shaw', 'Radia Perlman']
  .map((name, i) => ({ id: `1000000${i}-0000-4000-8000-000000000000`, name }))

t.ok(existsSync(main), 'the example is built: npm run build && npm run examples')

const browser = await startBrowser(t)
const skip = typeof browser === 'string' && browser

t.test('an avatar has one color on all pages', { skip }, async (t) => {
  const chat = await Chat.start(t, 'http')
  const [ann, ben] = NEIGHBORS
  const join = async (person: { id: string, name: string }) => {
    return await connect(t, chat.wsUrl, { headers: { cookie: chat.cookieOf(person) }, origin: chat.url })
  }
  const first = await join(ann!)
  await join(ben!)
  const ada = await Visitor.enter(t, browser as Browser, chat.url)
  await ada.signIn('Ada')
  await ada.seesPeople('Ada', 'Ann', 'Ben')
  await first.close()
  await ada.seesPeople('Ada', 'Ben')
  await join(ann!)
  await ada.seesPeople('Ada', 'Ben', 'Ann')
  const bea = await Visitor.enter(t, browser as Browser, chat.url)
  await bea.signIn('Bea')
  await bea.seesPeople('Bea', 'Ben', 'Ada', 'Ann')
  await ada.seesPeople('Ada', 'Ben', 'Ann', 'Bea')
  t.strictSame(await colorsOf(ada), await colorsOf(bea))
})

t.test('a phone of 320 pixels: the strip of people fades where it goes on, and nothing is cut', { skip }, async (t) => {
  const chat = await Chat.start(t, 'http')
  for (const person of CROWD) await connect(t, chat.wsUrl, { headers: { cookie: chat.cookieOf(person) }, origin: chat.url })
  const ada = await Visitor.enter(t, browser as Browser, chat.url)
  const strip = ada.page.locator('#people')
  await ada.page.setViewportSize({ width: 320, height: 560 })
  await ada.signIn('Ada')
  await ada.seesPeople('Ada', ...CROWD.map(({ name }) => name))

  await t.test('the page is as wide as the phone', async (t) => {
    t.equal(await ada.page.evaluate('document.documentElement.scrollWidth'), 320)
  })

  await t.test('the strip fades at the end only, then at both ends, then at the start only', async (t) => {
    const fades = async (classes: string): Promise<void> => await until(async () => await strip.getAttribute('class') === classes)
    await fades('more-after')
    t.match(await ada.styleOf('#people', 'mask-image'), /^linear-gradient\(to right, /)
    await ada.page.evaluate('document.querySelector("#people").scrollTo(40, 0)')
    await until(async () => (await strip.getAttribute('class'))?.split(' ').sort().join() === 'more-after,more-before')
    await ada.page.evaluate('document.querySelector("#people").scrollTo(1e6, 0)')
    await fades('more-before')
  })

  await t.test('the strip can be reached and scrolled by the keyboard', async (t) => {
    await strip.focus()
    t.ok(await ada.page.evaluate('document.activeElement.id === "people"'))
    t.equal(await strip.getAttribute('aria-labelledby'), 'here')
  })

  await t.test('a list that does not scroll is no stop of the keyboard', async () => {
    await ada.page.setViewportSize({ width: 1200, height: 800 })
    await until(async () => await strip.getAttribute('tabindex') === null)
  })
})

t.test('a page that finds its sign-in ended says so where it signs in again', { skip }, async (t) => {
  for (const path of ['/chat', '/typed'] as const) {
    const chat = await Chat.start(t, 'http')
    const ada = await Visitor.enter(t, browser as Browser, chat.url, path)
    await ada.signIn('Ada')
    await ada.context.clearCookies()
    await chat.stop('SIGKILL')
    await ada.seesState('Offline')
    await chat.startAgain(t)
    await ada.page.getByText('Your sign-in has ended. Come in again.').waitFor()
    t.equal(new URL(ada.page.url()).pathname, '/sign-in', path)
  }
})

t.test('a page whose handshake is the first to tell that its sign-in has ended says so', { skip }, async (t) => {
  const chat = await Chat.start(t, 'http')
  const ada = await Visitor.enter(t, browser as Browser, chat.url, '/typed')
  await ada.signIn('Ada')
  await ada.context.clearCookies()
  // The server was not there yet when the page asked, and is when its client connects.
  await ada.page.route('**/chat', async (route) => {
    if (route.request().resourceType() === 'fetch') await route.abort()
    else await route.continue()
  })
  await chat.stop('SIGKILL')
  await ada.seesState('Offline')
  await chat.startAgain(t)
  await ada.page.getByText('Your sign-in has ended. Come in again.').waitFor()
  t.equal(new URL(ada.page.url()).pathname, '/sign-in')
})

t.test('the state of the connection is told to a screen reader, and the countdown is not', { skip }, async (t) => {
  const chat = await Chat.start(t, 'http')
  const ada = await Visitor.enter(t, browser as Browser, chat.url, '/typed')
  await ada.signIn('Ada')
  t.equal(await ada.page.getByRole('status').filter({ hasText: 'Connected' }).count(), 1)
  await chat.stop('SIGKILL')
  await ada.seesState('Offline')
  t.equal(await ada.page.getByRole('status').filter({ hasText: 'Offline' }).count(), 1)
  t.equal(await ada.page.evaluate('document.querySelector("#banner-text").closest("[role=status], [role=alert], [aria-live]")'), null)
})

t.test('the console is there for those who are signed in, and talks to the room', { skip }, async (t) => {
  const chat = await Chat.start(t, 'http')
  const ada = await Visitor.enter(t, browser as Browser, chat.url)
  await ada.page.goto(`${chat.url}/console`)
  t.equal(new URL(ada.page.url()).pathname, '/sign-in')
  await ada.signIn('Ada')
  await ada.page.goto(`${chat.url}/console`)
  await ada.page.locator('#route option', { hasText: '/chat' }).first().waitFor({ state: 'attached' })
  await ada.page.getByRole('button', { name: 'Connect' }).click()
  await ada.seesState('Connected')
  t.same(ada.faults, [])
})

/** The colors of the people in the list, by name. */
async function colorsOf (visitor: Visitor): Promise<Record<string, string>> {
  return await visitor.page.evaluate(`Object.fromEntries(Array.from(document.querySelectorAll('#people li'))
    .map((item) => [item.querySelector('.name').textContent, getComputedStyle(item.querySelector('.avatar')).backgroundColor])
    .sort(([one], [other]) => one < other ? -1 : 1))`)
}
