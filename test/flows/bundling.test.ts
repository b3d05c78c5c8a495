// A server in one file, made by a bundler where exactly the packages of the README are installed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { build } from 'esbuild'
import t, { type Test } from 'tap'

const root = join(import.meta.dirname, '../..')
const LINES = ['@sinclair/typebox', 'typebox']

/** Says hello to itself, with a text that only TypeBox's own compiler can refuse. */
const serverWith = (typebox: string): string => `
  import Fastify from 'fastify'
  import { Type } from '${typebox}'
  import typedWs, { defineContract } from './lib/index.js'

  async function main () {
    const app = Fastify()
    await app.register(typedWs)
    const say = { request: Type.Object({ text: Type.String({ format: 'email' }) }), reply: Type.String() }
    const contract = defineContract({ name: 'echo.v1', clientToServer: { say } })
    app.ws('/', { contract, on: { say: ({ text }) => text } })
    const client = await app.injectClient(contract, '/')
    console.log(await client.call('say', { text: 'ada@example.com' }), await client.call('say', { text: 'ada' }).catch(({ code }) => code))
    await app.close()
  }
  main()
`

for (const line of LINES) {
  t.test(`esbuild makes one file of a server where ${line} alone is installed`, async (t) => {
    const folder = installWithout(t, LINES.filter((other) => other !== line))
    writeFileSync(join(folder, 'server.ts'), serverWith(line))
    const outfile = join(folder, 'out', 'server.cjs')
    const { errors, warnings } = await build({
      entryPoints: [join(folder, 'server.ts')],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      preserveSymlinks: true,
      logLevel: 'silent'
    })
    t.same({ errors, warnings }, { errors: [], warnings: [] })
    const child = spawn(process.execPath, [outfile], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
    t.equal(code, 0)
    t.equal(output, 'ada@example.com FST_TYPED_WS_VALIDATION\n')
  })
}

/** A folder with this project and every package it has here, but for some. */
function installWithout (t: Test, missing: readonly string[]): string {
  // Outside of the project, whose own packages would be found as well.
  const folder = mkdtempSync(join(tmpdir(), 'typed-ws-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const name of ['lib', 'types']) symlinkSync(join(root, name), join(folder, name))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', sideEffects: sideEffectsOfSources() }))
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

/** The package's own word on side effects, for its sources instead of its build. */
function sideEffectsOfSources (): boolean | string[] {
  const { sideEffects } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { sideEffects: boolean | string[] }
  return typeof sideEffects === 'boolean' ? sideEffects : sideEffects.map((path) => path.replace('/dist/', '/').replace(/\.js$/, '.ts'))
}
