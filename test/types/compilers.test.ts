// The types as the compilers of our users see them: what must and must not compile, and what a large contract costs.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '../..')
const compilers = {
  '7.0': 'typescript-7/bin/tsc',
  '6.0': 'typescript/bin/tsc6',
  5.9: 'typescript-5/bin/tsc'
}
const typeboxes = { '@sinclair/typebox': '0.34', typebox: '1.x' }

const MESSAGES = 50
const MAX_INSTANTIATIONS = 150_000

for (const [version, bin] of Object.entries(compilers)) {
  t.test(`TypeScript ${version} accepts what must compile and refuses what must not`, async (t) => {
    await compile(t, bin, join(import.meta.dirname, 'tsconfig.json'))
  })
}

for (const [typebox, line] of Object.entries(typeboxes)) {
  t.test(`a route of ${MESSAGES} messages of TypeBox ${line} costs the compiler little`, async (t) => {
    const folder = t.testdir({
      'without.ts': head(typebox),
      'with.ts': head(typebox) + route(MESSAGES),
      'without.json': project('without.ts'),
      'with.json': project('with.ts')
    })
    const instantiations = async (name: string) => {
      const output = await compile(t, compilers['6.0'], join(folder, name), '--extendedDiagnostics')
      return Number(/^Instantiations:\s+(\d+)/m.exec(output)?.[1])
    }
    const cost = await instantiations('with.json') - await instantiations('without.json')
    t.comment(`${cost} instantiations`)
    t.ok(cost > MESSAGES, 'the route was looked at')
    t.ok(cost < MAX_INSTANTIATIONS, `${cost} instantiations are below ${MAX_INSTANTIATIONS}`)
  })
}

/** Passes when the compiler does, else fails with what it says. */
function compile (t: Tap, bin: string, ...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    // tap loads itself into every Node child by NODE_OPTIONS: a compiler has no use for that, and TypeScript 7's dies of it
    const command = ['-u', 'NODE_OPTIONS', process.execPath, join(root, 'node_modules', bin), '--noEmit', '--pretty', 'false', '-p', ...args]
    execFile('env', command, { cwd: root }, (error, stdout, stderr) => {
      if (error) t.fail('compiles', { says: (stdout + stderr).trim().split('\n') })
      else t.pass('compiles')
      resolve(stdout)
    })
  })
}

type Tap = Pick<typeof t, 'pass' | 'fail'>

function project (file: string): string {
  return JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions: { skipLibCheck: true }, include: [], files: [file] })
}

function head (typebox: string): string {
  return `
import Fastify from 'fastify'
import { Type } from '${typebox}'
import { defineContract } from '${join(root, 'lib/contract.js')}'
import '${join(root, 'types/fastify.js')}'

export const app = Fastify()
export const tools = { Type, defineContract }
`
}

/** Events and calls by turns, each with its handler, and each payload looked at. */
function route (messages: number): string {
  const numbers = Array.from({ length: messages }, (_, n) => n)
  const isCall = (n: number) => n % 2 === 1
  const payload = (n: number) => `Type.Object({ id: Type.String(), n${n}: Type.Number(), tags: Type.Optional(Type.Array(Type.String())) })`
  return `
const contract = defineContract({
  name: 'large',
  clientToServer: {
    ${numbers.map((n) => `m${n}: ${isCall(n) ? `{ request: ${payload(n)}, reply: Type.Object({ n: Type.Number() }) }` : payload(n)}`).join(',\n    ')}
  },
  serverToClient: { told: Type.Object({ n: Type.Number() }) }
})

app.ws('/large', {
  contract,
  on: {
    ${numbers.map((n) => `m${n}: ${isCall(n) ? `({ n${n} }) => ({ n: n${n} })` : `({ n${n} }, socket) => socket.send('told', { n: n${n} })`}`).join(',\n    ')}
  }
})
`
}
