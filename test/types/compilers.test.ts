// The types as the compilers of our users see them: what must and must not compile, and what a
// large contract costs.
import { join } from 'node:path'
import t, { type Test } from 'tap'
import typescript6 from 'typescript'
import typescript5 from 'typescript-5'
import { runNode } from '../support/child.js'

type Compiler = typeof typescript6

const root = join(import.meta.dirname, '../..')
const config = join(import.meta.dirname, 'tsconfig.json')
const typeboxes = { '@sinclair/typebox': '0.34', typebox: '1.x' }

const MESSAGES = 50
const MAX_INSTANTIATIONS = 150_000

t.test('TypeScript 7.0 accepts what must compile and refuses what must not', async (t) => {
  const tsc = 'node_modules/typescript-7/bin/tsc'
  const { code, stdout, stderr } = await runNode([tsc, '--noEmit', '--pretty', 'false', '-p', config], root)
  t.equal(code, 0, 'compiles', { says: (stdout + stderr).trim().split('\n') })
})

t.test('TypeScript 5.9 accepts what must compile and refuses what must not', async (t) => {
  compiles(t, typescript5 as unknown as Compiler)
})

// One program for all that the third compiler is asked: it reads the types of Fastify and of both
// TypeBoxes once.
t.test('TypeScript 6.0 checks large routes in time', async (t) => {
  const folder = t.testdir(Object.fromEntries(Object.keys(typeboxes).flatMap((typebox, i) => [
    [`without-${i}.ts`, head(typebox)], [`with-${i}.ts`, head(typebox) + route(MESSAGES)]
  ])))
  const costs = Object.keys(typeboxes).map((_, i) => [join(folder, `without-${i}.ts`), join(folder, `with-${i}.ts`)] as const)
  const program = programOf(typescript6, costs.flat())

  for (const [i, line] of Object.values(typeboxes).entries()) {
    await t.test(`a route of ${MESSAGES} messages of TypeBox ${line} costs the compiler little`, async (t) => {
      const [without, with50] = costs[i]!
      instantiationsOf(program, without)
      const cost = instantiationsOf(program, with50)
      t.comment(`${cost} instantiations`)
      t.ok(cost > MESSAGES, 'the route was looked at')
      t.ok(cost < MAX_INSTANTIATIONS, `${cost} instantiations are below ${MAX_INSTANTIATIONS}`)
    })
  }

  await t.test('TypeScript 6.0 accepts what must compile and refuses what must not', async (t) => {
    compiles(t, typescript6, program)
  })
})

/** The test-d.ts files, and more, as a strict user compiles them. */
function programOf (ts: Compiler, more: readonly string[] = []): typescript6.Program {
  const { config: json, error } = ts.readConfigFile(config, ts.sys.readFile)
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'))
  const { fileNames, options } = ts.parseJsonConfigFileContent(json, ts.sys, import.meta.dirname, { noEmit: true }, config)
  return ts.createProgram([...more, ...fileNames], options)
}

/** How many types the compiler makes to check a file, beside those that it has made for others. */
function instantiationsOf (program: typescript6.Program, file: string): number {
  const counter = program as typescript6.Program & { getInstantiationCount (): number }
  const before = counter.getInstantiationCount()
  program.getSemanticDiagnostics(program.getSourceFile(file))
  return counter.getInstantiationCount() - before
}

/** Passes when the compiler has nothing to say. */
function compiles (t: Test, ts: Compiler, program = programOf(ts)): void {
  const says = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start!).line + 1
    return `${file?.fileName}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
  t.equal(says.length, 0, 'compiles', { says })
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
    ${numbers.map((n) => `m${n}: ${isCall(n) ? `{ request: ${payload(n)}, reply: Type.Object({ n: Type.Number() }) }` : payload(n)}`).join(
      ',\n    '
    )}
  },
  serverToClient: { told: Type.Object({ n: Type.Number() }) }
})

app.ws('/large', {
  contract,
  on: {
    ${numbers.map((n) => {
      return `m${n}: ${isCall(n) ? `({ n${n} }) => ({ n: n${n} })` : `({ n${n} }, socket) => socket.send('told', { n: n${n} })`}`
    }).join(
      ',\n    '
    )}
  }
})
`
}
