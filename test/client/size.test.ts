import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import t from 'tap'

const MAX_BYTES = 4096

/** The minified code that a page has to load for this code. */
async function bundled (contents: string): Promise<Buffer> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    write: false
  })
  return Buffer.from(outputFiles[0]!.contents)
}

const CLIENT = 'export { createClient } from \'../../lib/client/index.js\''

/** The client alone, and with a door of its own: `bytes` is what the door adds, gzipped. */
async function bundledWith (name: string, file: string): Promise<{ core: Buffer, both: Buffer, bytes: number }> {
  const core = await bundled(CLIENT)
  const both = await bundled(`${CLIENT}\nexport { ${name} } from '../../lib/client/${file}'`)
  return { core, both, bytes: gzipSync(both, { level: 9 }).length - gzipSync(core, { level: 9 }).length }
}

t.test('the whole client adds no more than 4.0 KiB to a page', async (t) => {
  const code = await bundled(CLIENT)
  const bytes = gzipSync(code, { level: 9 }).length
  t.comment(`${code.length} bytes minified, ${bytes} gzipped`)
  t.ok(bytes <= MAX_BYTES, `${bytes} of ${MAX_BYTES} bytes`)
})

t.test('recovery takes no more than 1.0 KiB on top, and nothing of a page that does not use it', async (t) => {
  const { core, both, bytes } = await bundledWith('recovery', 'recovery.js')
  t.comment(`${bytes} bytes gzipped on top`)
  t.ok(bytes <= 1024, `${bytes} of 1024 bytes`)
  t.match(both.toString(), /\$recover/)
  t.notMatch(core.toString(), /\$recover|\$topic|\$at|typed-ws\.recover/)
})

t.test('presence takes no more than 0.7 KiB on top, 1.0 KiB with recovery, and nothing of a page that does not use it', async (t) => {
  const { core, both, bytes } = await bundledWith('presence', 'presence.js')
  const all = await bundled(`${CLIENT}
    export { presence } from '../../lib/client/presence.js'
    export { recovery } from '../../lib/client/recovery.js'`)
  const allBytes = gzipSync(all, { level: 9 }).length - gzipSync(core, { level: 9 }).length
  t.comment(`${bytes} bytes gzipped on top, ${allBytes} with recovery`)
  t.ok(bytes <= 716, `${bytes} of 716 bytes`)
  t.ok(allBytes <= 1024, `${allBytes} of 1024 bytes`)
  t.match(both.toString(), /\$members/)
  t.notMatch(both.toString(), /\$recover|\$topic|\$at|typed-ws\.recover/)
  t.notMatch(core.toString(), /\$members|typed-ws\.presence/)
})

t.test('binary events take no more than 0.4 KiB on top, and nothing of a page that does not use them', async (t) => {
  const { core, both, bytes } = await bundledWith('binaryEvents', 'binary.js')
  t.comment(`${bytes} bytes gzipped on top`)
  t.ok(bytes <= 410, `${bytes} of 410 bytes`)
  t.match(both.toString(), /\$binary/)
  t.notMatch(core.toString(), /\$binary/)
})

t.test('the type of a contract loads no schema', async (t) => {
  const code = await bundled(`
    import type { chat } from '../../examples/chat/contract.js'
    import { createClient } from '../../lib/client/index.js'
    export const client = createClient<typeof chat>('/chat')
  `)
  t.notMatch(code.toString(), /typebox|maxLength|chat\.v1/i)
})

t.test('a part that is not used is not loaded', async (t) => {
  t.equal(String(await bundled('import \'../../lib/client/index.js\'')).trim(), '')
  t.ok((await bundled('export { ClientError } from \'../../lib/client/index.js\'')).length < 1000)
  t.ok((await bundled('export { validateBy } from \'../../lib/validate.js\'')).length < 1000)
})
