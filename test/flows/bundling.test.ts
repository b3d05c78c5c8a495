// A server in one file, made by a bundler where exactly the packages of the README are installed.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import commonjs from '@rollup/plugin-commonjs'
import json from '@rollup/plugin-json'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import { build } from 'esbuild'
import { rollup, type Plugin } from 'rollup'
import t, { type Test } from 'tap'
import webpack from 'webpack'
import { runNode } from '../support/child.js'

const root = join(import.meta.dirname, '../..')
const LINES = ['@sinclair/typebox', 'typebox']

/** Says hello to itself, with a text that only TypeBox's own compiler can refuse. */
const serverWith = (typebox: string, text = 'Type.String({ format: \'email\' })'): string => `
  import Fastify from 'fastify'
  import { Type } from '${typebox}'
  import typedWs, { defineContract } from './dist/lib/index.js'

  async function main () {
    const app = Fastify()
    await app.register(typedWs)
    const say = { request: Type.Object({ text: ${text} }), reply: Type.String() }
    const contract = defineContract({ name: 'echo.v1', clientToServer: { say } })
    app.ws('/', { contract, on: { say: ({ text }) => text } })
    const client = await app.injectClient(contract, '/')
    const refused = client.call('say', { text: 'ada' }).catch(({ code, message }) => code + ' ' + message)
    console.log(await client.call('say', { text: 'ada@example.com' }), await refused)
    await app.close()
  }
  main()
`

/** Makes one file of a server. Returns the problems that the bundler tells of. */
type Bundler = (entry: string, outfile: string) => Promise<string[]>

const withEsbuild: Bundler = async (entry, outfile) => {
  const { errors, warnings } = await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    preserveSymlinks: true,
    logLevel: 'silent'
  })
  return [...errors, ...warnings].map(({ text }) => text)
}

// Packages that are loaded as they are installed: to bundle them as well takes most of the time.
const EXTERNAL = ['fastify', '@fastify/websocket', 'ws']

const withWebpack: Bundler = async (entry, outfile) => {
  const path = join(outfile, '..')
  const filename = outfile.slice(path.length + 1)
  const stats = await new Promise<webpack.Stats>((resolve, reject) => {
    const settings: webpack.Configuration = {
      mode: 'production',
      target: 'node20',
      externalsType: 'commonjs',
      entry,
      output: { path, filename },
      resolve: { symlinks: false },
      optimization: { minimize: false },
      externals: EXTERNAL
    }
    webpack(settings, (error, stats) => { if (stats === undefined) reject(error); else resolve(stats) })
  })
  const { errors, warnings } = stats.compilation
  return [...errors, ...warnings].map(({ message }) => message)
}

const withRollup: Bundler = async (entry, outfile) => {
  const warnings: string[] = []
  const bundle = await rollup({
    input: entry,
    preserveSymlinks: true,
    external: EXTERNAL,
    // The types of two plugins are those of a CommonJS module.
    plugins: [nodeResolve({ preferBuiltins: true }), ...[commonjs, json].map((plugin) => (plugin as unknown as () => Plugin)())],
    onwarn: ({ code, message }) => { if (code !== 'CIRCULAR_DEPENDENCY' && code !== 'THIS_IS_UNDEFINED') warnings.push(message) }
  })
  await bundle.write({ file: outfile, format: 'cjs', inlineDynamicImports: true })
  return warnings
}

// The line of TypeBox that is not installed: webpack and rollup say so.
const MISSING = /typebox\/(?:compile|compiler|format)|sinclair\/typebox/

const BUNDLERS: ReadonlyArray<[name: string, bundler: Bundler]> = [
  ['esbuild', withEsbuild],
  ['webpack', withWebpack],
  ['rollup', withRollup]
]

for (const line of LINES) {
  for (const [name, bundler] of BUNDLERS) {
    t.test(`${name} makes one file of a server where ${line} alone is installed`, async (t) => {
      const problems = await runBundle(t, bundler, { missing: LINES.filter((other) => other !== line), source: serverWith(line) })
      t.same(name === 'esbuild' ? problems : problems.filter((problem) => !MISSING.test(problem)), [])
    })
  }
}

t.test('a refinement of the oldest TypeBox 1.x that may be installed is enforced', async (t) => {
  const refined = 'Type.Refine(Type.String({ maxLength: 20 }), (text) => text.includes(\'@\'), \'must have an at sign\')'
  const shown = 'FST_TYPED_WS_VALIDATION message/text must have an at sign'
  const source = serverWith('typebox', refined)
  t.same(await runBundle(t, withEsbuild, { missing: ['@sinclair/typebox', 'typebox'], oldest: 'typebox-oldest', source, shown }), [])
})

/** Bundles a server, and starts it. */
async function runBundle (
  t: Test,
  bundler: Bundler,
  { missing, source, oldest, shown = 'FST_TYPED_WS_VALIDATION message/text must match format "email"' }: {
    missing: readonly string[], source: string, oldest?: string, shown?: string
  }
): Promise<string[]> {
  const folder = installWithout(t, missing)
  if (oldest !== undefined) symlinkSync(join(root, 'node_modules', oldest), join(folder, 'node_modules/typebox'))
  writeFileSync(join(folder, 'server.js'), source)
  mkdirSync(join(folder, 'out'))
  const outfile = join(folder, 'out/server.cjs')
  const problems = await bundler(join(folder, 'server.js'), outfile)
  const { stdout, stderr } = await runNode([outfile], folder)
  t.equal(`${stdout}${stderr}`, `ada@example.com ${shown}\n`)
  return problems
}

/** A folder with this project and every package it has here, but for some. */
function installWithout (t: Test, missing: readonly string[]): string {
  // Outside of the project, whose own packages would be found as well.
  const folder = mkdtempSync(join(tmpdir(), 'typed-ws-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  symlinkSync(join(root, 'dist'), join(folder, 'dist'))
  const { sideEffects } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { sideEffects: unknown }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', sideEffects }))
  const names = readdirSync(join(root, 'node_modules')).flatMap((name) => {
    return name.startsWith('@') ? readdirSync(join(root, 'node_modules', name)).map((inner) => `${name}/${inner}`) : name
  })
  for (const name of names.filter((name) => !name.startsWith('.') && !missing.includes(name))) {
    const path = join(folder, 'node_modules', name)
    mkdirSync(join(path, '..'), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), path)
  }
  return folder
}
