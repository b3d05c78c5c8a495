// The types as the compilers of our users see them: what must and must not compile, and what a
// large contract costs.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import typescript6 from 'typescript'
import typescript5 from 'typescript-5'
import { runNode } from '../support/child.js'

type Compiler = typeof typescript6

const root = join(import.meta.dirname, '../..')
const config = join(import.meta.dirname, 'tsconfig.json')
const typeboxes = { '@sinclair/typebox': '0.34', typebox: '1.x' }

// A statement, and a part of what the compiler says of it.
const mistakes: ReadonlyArray<readonly [statement: string, sentence: string]> = [
  [
    'defineContract({ name: \'x\', client: {} })',
    'a contract has name, title, description, discriminator, clientToServer, serverToClient, binary, topics, closeCodes'
  ],
  ['defineContract({ name: \'x\', clientToServer: { say: Type.String() } })', 'a payload is an object: write Type.Object({ value: … })'],
  ['defineContract({ name: \'x\', clientToServer: { say: Type.Object({ type: Type.Null() }) } })', '\'type\' is the protocol\'s own'],
  ['defineContract({ name: \'x\', clientToServer: { ask: { request: Empty, response: Empty } } })', 'a call is { request, reply }'],
  ['defineContract({ name: \'x\', serverToClient: { ticks: { request: Empty, stream: Empty } } })', 'streams come from the server'],
  ['createClient(\'/chat\')', 'a client is typed by its contract: write createClient<typeof contract>(url)'],
  ['createClient<Chat>(\'/chat\', { presence: recovery() })', 'Type \'"recover"\' is not assignable to type \'"presence"\''],
  ['app.ws(\'/\', { contract: chat, on: { message () {} } })', 'required in type \'MessageHandlers<Chat, '],
  [
    'app.ws(\'/\', { contract: chat, on: { mesage () {}, find: () => true } })',
    '\'mesage\' does not exist in type \'MessageHandlers<Chat, '
  ],
  ['app.ws(\'/\', { contract: chat, on: { message () {}, find: () => 5 } })', '\'Handler<{ name: string; }, boolean, Socket<Chat, ']
]
// Of the last three, where the contract has an interface's name.
const MAX_CHARACTERS = 700

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
  ]).concat([['wrong.ts', headOfMistakes() + mistakes.map(([statement]) => statement).join('\n')]])))
  const costs = Object.keys(typeboxes).map((_, i) => [join(folder, `without-${i}.ts`), join(folder, `with-${i}.ts`)] as const)
  const wrong = join(folder, 'wrong.ts')
  const program = programOf(typescript6, [...costs.flat(), wrong])

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

  await t.test('a mistake has a sentence, where it stands', async (t) => {
    const said = saidOf(typescript6, program.getSemanticDiagnostics(program.getSourceFile(wrong)))
    t.equal(said.length, mistakes.length, 'each mistake has one', { said })
    for (const [i, [statement, sentence]] of mistakes.entries()) {
      t.ok(said[i]!.includes(sentence), statement, { said: said[i], sentence })
      t.ok(said[i]!.length <= MAX_CHARACTERS, `${said[i]!.length} characters are at most ${MAX_CHARACTERS}`)
    }
  })

  await t.test('TypeScript 6.0 accepts what must compile and refuses what must not', async (t) => {
    compiles(t, typescript6, program, wrong)
  })
})

// The newest Fastify 5 is the one of every other test.
t.test('TypeScript 5.9 accepts and refuses the same on the lowest Fastify 5', async (t) => {
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules/fastify-lowest/package.json'), 'utf8'))
  t.equal(version, '5.0.0')
  const [, server] = /```ts\n([^]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))!
  const folder = t.testdir({ 'readme.ts': server!.replace('\'fastify-typed-ws\'', `'${join(root, 'lib/index.js')}'`) })
  const ts = typescript5 as unknown as Compiler
  compiles(t, ts, programOf(ts, [join(folder, 'readme.ts')], 'fastify-lowest'))
})

/** The test-d.ts files, and more, as a strict user compiles them. */
function programOf (ts: Compiler, more: readonly string[] = [], fastify = 'fastify'): typescript6.Program {
  const { config: json, error } = ts.readConfigFile(config, ts.sys.readFile)
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'))
  const { fileNames, options } = ts.parseJsonConfigFileContent(json, ts.sys, import.meta.dirname, { noEmit: true }, config)
  return ts.createProgram([...more, ...fileNames], options, hostOf(ts, options, fastify))
}

/** Every `fastify` is the package of this name: also those of @fastify/websocket and the like. */
function hostOf (ts: Compiler, options: typescript6.CompilerOptions, fastify: string): typescript6.CompilerHost {
  const host = ts.createCompilerHost(options)
  const cache = ts.createModuleResolutionCache(root, (name) => name, options)
  host.resolveModuleNameLiterals = (literals, from, redirected, options, file) => literals.map((literal) => {
    const name = literal.text === 'fastify' ? fastify : literal.text
    return ts.resolveModuleName(name, from, options, host, cache, redirected, ts.getModeForUsageLocation(file, literal, options))
  })
  return host
}

/** How many types the compiler makes to check a file, beside those that it has made for others. */
function instantiationsOf (program: typescript6.Program, file: string): number {
  const counter = program as typescript6.Program & { getInstantiationCount (): number }
  const before = counter.getInstantiationCount()
  program.getSemanticDiagnostics(program.getSourceFile(file))
  return counter.getInstantiationCount() - before
}

/** Passes when the compiler has nothing to say, unless of the file that is wrong. */
function compiles (t: Test, ts: Compiler, program = programOf(ts), wrong?: string): void {
  const says = saidOf(ts, ts.getPreEmitDiagnostics(program).filter(({ file }) => file?.fileName !== wrong))
  t.equal(says.length, 0, 'compiles', { says })
}

function saidOf (ts: Compiler, diagnostics: readonly typescript6.Diagnostic[]): string[] {
  return diagnostics.map(({ file, start, messageText }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start!).line + 1
    return `${file?.fileName}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
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

function headOfMistakes (): string {
  return `
${head('@sinclair/typebox')}
import { createClient } from '${join(root, 'lib/client/index.js')}'
import { recovery } from '${join(root, 'lib/client/recovery.js')}'

const Empty = Type.Object({})
const contract = defineContract({
  name: 'chat',
  clientToServer: {
    message: Type.Object({ text: Type.String() }),
    find: { request: Type.Object({ name: Type.String() }), reply: Type.Boolean() }
  }
})
interface Chat extends Readonly<typeof contract> {}
const chat: Chat = contract

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
