// The React hook of the examples, in a browser, against a server.
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Browser } from 'playwright-core'
import t from 'tap'
import { Type } from '@sinclair/typebox'
import { defineContract } from '../../lib/index.js'
import { startBrowser } from '../support/browser.js'
import { createApp, listen, until } from '../support/helper.js'

export const chat = defineContract({
  name: 'chat.v1',
  clientToServer: { say: Type.Object({ text: Type.String() }) },
  serverToClient: { line: Type.Object({ text: Type.String() }) }
})

const browser = await startBrowser(t)

t.test('a component of React has a client for as long as it is mounted', { skip: typeof browser === 'string' && browser }, async (t) => {
  const opened: string[] = []
  const codes: number[] = []
  const app = await createApp(t)
  const script = await bundle('react.page.ts')
  app.get('/', (_request, reply) => reply.type('text/html').send('<!doctype html><body><script type="module" src="/page.js"></script>'))
  app.get('/page.js', (_request, reply) => reply.type('text/javascript').send(script))
  app.ws('/rooms/:room', {
    contract: chat,
    open ({ request }) { opened.push(request.url) },
    on: { say: ({ text }, socket) => { socket.send('line', { text }) } },
    close (_socket, { code }) { codes.push(code) }
  })

  const page = await (browser as Browser).newPage()
  t.teardown(() => page.close())
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  await page.goto(await listen(app))
  const sees = async (selector: string, text: string): Promise<void> => await page.locator(selector, { hasText: text }).waitFor()
  const press = async (name: string): Promise<void> => await page.getByRole('button', { name }).click()

  await sees('h1', 'lobby open')
  await press('Say')
  await sees('p', 'hello lobby')
  t.same(opened, ['/rooms/lobby'], 'StrictMode opens no second connection')

  await app.channel(chat).disconnect(() => true, 4000)
  await until(() => opened.length === 2)
  await sees('h1', 'lobby open')
  await sees('output', 'connecting open waiting connecting open')

  await press('Move')
  await sees('h1', 'attic open')
  await press('Say')
  await sees('p', 'hello attic')
  await until(() => codes.length === 2)
  t.same(codes, [4000, 1000], 'another URL is another conversation')

  await press('Leave')
  await until(() => codes.length === 3)
  t.same(codes, [4000, 1000, 1000])
  t.equal(app.channel(chat).size(), 0)
  t.same(faults, [])
})

async function bundle (name: string): Promise<string> {
  const { outputFiles: [file] } = await build({
    entryPoints: [join(import.meta.dirname, name)],
    bundle: true,
    format: 'esm',
    write: false,
    // React tries what StrictMode is for in development only.
    define: { 'process.env.NODE_ENV': '"development"' }
  })
  return file!.text
}
