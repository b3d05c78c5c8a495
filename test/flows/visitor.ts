import type { Browser, BrowserContext, Page } from 'playwright-core'
import { until, type Teardown } from '../support/helper.js'

const PATIENCE_MS = 30_000

type Frame = string | Buffer
type Message = Readonly<Record<string, unknown>>
type Frames = Record<'sent' | 'received', Frame[]>

// Notes what the page's own WebSocket is given and gives, other than text.
const WATCH = `
  const nameOf = (data) => data instanceof Blob ? 'Blob' : data.constructor.name
  globalThis.dataSeen = { sent: [], received: [] }
  globalThis.WebSocket = class extends WebSocket {
    constructor (...args) {
      super(...args)
      this.addEventListener('message', ({ data }) => { if (typeof data !== 'string') dataSeen.received.push(nameOf(data)) })
    }

    send (data) {
      if (typeof data !== 'string') dataSeen.sent.push(nameOf(data))
      super.send(data)
    }
  }`

/** A person at a browser. */
export class Visitor {
  readonly url: string
  /** Which of the two pages: that of a stock WebSocket, or that of the typed client. */
  readonly path: '/chat' | '/typed'
  readonly context: BrowserContext
  readonly page: Page
  readonly frames: Frames = { sent: [], received: [] }
  readonly faults: string[] = []

  private constructor (url: string, path: Visitor['path'], context: BrowserContext, page: Page) {
    this.url = url
    this.path = path
    this.context = context
    this.page = page
    page.setDefaultTimeout(PATIENCE_MS)
    page.on('pageerror', (error) => this.faults.push(String(error)))
    page.on('console', (message) => { if (/Content.Security.Policy|Trusted/i.test(message.text())) this.faults.push(message.text()) })
    page.on('websocket', (ws) => {
      ws.on('framesent', ({ payload }) => this.frames.sent.push(payload))
      ws.on('framereceived', ({ payload }) => this.frames.received.push(payload))
    })
  }

  static async enter (
    t: Teardown,
    browser: Browser,
    url: string,
    path: Visitor['path'] = '/chat',
    known?: BrowserContext
  ): Promise<Visitor> {
    const context = known ?? await browser.newContext({ ignoreHTTPSErrors: true })
    if (known === undefined) {
      t.teardown(() => context.close())
      await context.addInitScript(WATCH)
    }
    return new Visitor(url, path, context, await context.newPage())
  }

  async signIn (name: string): Promise<void> {
    await this.page.goto(this.url)
    await this.page.getByLabel('Your name').fill(name)
    await this.page.keyboard.press('Enter')
    await this.page.waitForURL('**/chat')
    if (this.path === '/chat') await this.seesState('Connected')
    else await this.comeIn()
  }

  /** The outcomes that the page was told of so far, after a connection was lost. */
  get recoveries (): Message[] {
    return messagesOf(this.frames.received).filter(({ type, recovered }) => type === '$topic' && recovered !== undefined)
  }

  /** How often the page has sent a message of a type so far. */
  asked (type: string): number {
    return messagesOf(this.frames.sent).filter((message) => message.type === type).length
  }

  /** Opens the page of somebody who is signed in. */
  async comeIn (): Promise<void> {
    await this.page.goto(this.url + this.path)
    await this.seesState('Connected')
  }

  async write (text: string): Promise<void> {
    await this.page.fill('#text', text)
    await this.page.press('#text', 'Enter')
  }

  async sendFile (name: string, mimeType: string, buffer: Buffer): Promise<void> {
    await this.page.setInputFiles('#file', { name, mimeType, buffer })
  }

  async sees (text: string): Promise<void> {
    await this.page.locator('#entries .bubble', { hasText: text }).waitFor()
  }

  async seesState (text: string): Promise<void> {
    await this.page.locator('#state', { hasText: text }).waitFor()
  }

  async seesToast (text: string): Promise<void> {
    await this.page.locator('#toast', { hasText: text }).waitFor()
  }

  /** The computed style of the first element that matches. */
  async styleOf (selector: string, property: string): Promise<string> {
    return await this.page.evaluate(`getComputedStyle(document.querySelector('${selector}')).getPropertyValue('${property}')`)
  }

  /** Keeps the texts that the banner shows from now on. */
  async noteBanner (): Promise<void> {
    await this.page.evaluate(`
      globalThis.banner = []
      new MutationObserver(() => banner.push(document.querySelector('#banner-text').textContent))
        .observe(document.querySelector('#banner-text'), { childList: true })`)
  }

  async bannerTexts (): Promise<string[]> {
    return await this.page.evaluate('banner')
  }

  /** Waits until exactly these are here, in this order. */
  async seesPeople (...names: string[]): Promise<void> {
    await until(async () => String(await this.people()) === String(names))
  }

  async people (): Promise<string[]> {
    return await this.page.locator('#people .name').allTextContents()
  }

  /** The messages on the page, in their order. */
  async texts (): Promise<string[]> {
    return await this.page.locator('#entries .bubble').allTextContents()
  }

  /** The node that the page speaks to, of several. */
  async node (): Promise<string> {
    const line = this.page.locator('#node', { hasText: 'You speak to ' })
    return (await line.textContent())!.replace('You speak to ', '')
  }

  /** Waits until so many images are loaded, and measures them. */
  async imageSizes (count: number): Promise<Array<[number, number]>> {
    await this.page.locator('#log img').nth(count - 1).waitFor()
    return await this.page.evaluate(`Promise.all(Array.from(document.querySelectorAll('#log img'), async (image) => {
      await image.decode()
      return [image.naturalWidth, image.naturalHeight]
    }))`)
  }

  /** Opens one more WebSocket from this page: what comes of it, 'open' or the close code. */
  async tryToConnect (port: number, scheme?: string): Promise<unknown> {
    const own = new URL(this.page.url())
    const target = scheme === undefined ? own.origin : `${scheme}://127.0.0.1:${port}`
    return await this.page.evaluate(`new Promise((resolve) => {
      const ws = new WebSocket('${target.replace('http', 'ws')}/chat')
      ws.onopen = () => { resolve('open'); ws.close() }
      ws.onclose = ({ code }) => resolve(code)
    })`)
  }
}

function messagesOf (frames: readonly Frame[]): Message[] {
  return frames.flatMap((frame) => typeof frame === 'string' ? [JSON.parse(frame) as Message] : [])
}
