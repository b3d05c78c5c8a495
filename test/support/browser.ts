import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import sparticuz from '@sparticuz/chromium'
import { chromium, firefox, type Browser } from 'playwright-core'

/** The part of tap's `t` that a test needs. */
export interface BrowserTest {
  teardown (close: () => unknown): void
  comment (text: string): void
}

const root = join(import.meta.dirname, '../..')
const FIREFOXES = ['firefox-esr', 'firefox']
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
// No phoning home: a closed network must not slow it down.
const ARGS = [
  '--no-sandbox', '--ignore-certificate-errors', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'
]
const ADVICE =
  'no browser could be started: apt-get install -y --no-install-recommends chromium (or only libnss3, for the one that npm installed)'

/**
 * Starts a browser: an installed Chromium, or else the one inside `@sparticuz/chromium`.
 *
 * @returns a browser that is closed when the test ends, or a line that says why the test is
 * skipped.
 * @throws where none can be had and `CI` is set: a test that never runs proves nothing.
 */
export async function startBrowser (t: BrowserTest): Promise<Browser | string> {
  for (const find of [() => installed(), packaged]) {
    try {
      const executablePath = await find()
      if (executablePath === undefined) continue
      const browser = await chromium.launch({ executablePath, args: ARGS })
      t.teardown(() => browser.close())
      return browser
    } catch (error) {
      t.comment(String(error).split('\n', 1)[0]!)
    }
  }
  if (process.env['CI']) throw new Error(ADVICE)
  return ADVICE
}

/**
 * Starts the installed Firefox.
 *
 * @returns a browser that is closed when the test ends, or a line that says why the test is
 * skipped.
 * @throws where none can be started and `CI` is set.
 */
export async function startFirefox (t: BrowserTest): Promise<Browser | string> {
  const path = installed(FIREFOXES)
  const advice = 'no Firefox could be started: apt-get install -y --no-install-recommends firefox-esr'
  if (path !== undefined) {
    try {
      const executablePath = join(root, 'test/support/firefox.js')
      const browser = await firefox.launch({ channel: 'moz-firefox', executablePath, env: { ...process.env, FIREFOX: path } })
      t.teardown(() => browser.close())
      return browser
    } catch (error) {
      t.comment(String(error).split('\n', 1)[0]!)
    }
  }
  if (process.env['CI']) throw new Error(advice)
  return advice
}

function installed (names: readonly string[] = NAMES): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path))
}

async function packaged (): Promise<string> {
  return await sparticuz.executablePath()
}
