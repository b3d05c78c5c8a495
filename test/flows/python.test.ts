// The client in Python of the page about other languages.
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { buildServer } from '../../examples/conformance/server.js'
import { cases } from '../../examples/conformance/cases.js'
import { connect, until, type Client } from '../support/helper.js'
import { Python } from '../support/python.js'
import { Chat } from './chat.js'

const root = join(import.meta.dirname, '../..')
const CLAIMED = ['events', 'calls', 'streams', 'server-calls', 'reconnecting', 'refusals']
const python = await Python.find()

interface Member {
  readonly key: string
  readonly info: { readonly name: string }
}

/** A program of the example, and the text that it writes. */
class Program {
  readonly #child
  readonly #ended: Promise<unknown[]>
  output = ''

  constructor (t: Test, name: string, ...args: string[]) {
    this.#child = python.start([join(root, 'examples/python', name), ...args])
    this.#ended = once(this.#child, 'close')
    t.teardown(() => this.#child.kill('SIGKILL'))
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream.setEncoding('utf8').on('data', (text) => { this.output += text })
  }

  write (line: string): void {
    this.#child.stdin.write(`${line}\n`)
  }

  /** Resolves once it has written a line. */
  async says (line: string): Promise<void> {
    const isThere = () => this.output.split('\n').includes(line)
    await until(() => isThere() || this.#child.exitCode !== null).catch(() => {})
    if (!isThere()) throw new Error(`it never wrote '${line}', but ${this.output}`)
  }

  /** Ends its input. Returns the exit code. */
  async end (): Promise<unknown> {
    this.#child.stdin.end()
    return (await this.#ended)[0]
  }
}

t.test('the client in Python passes the cases of what it claims', async (t) => {
  const app = buildServer({ logger: false, limitMs: 600_000 })
  t.teardown(() => app.close())
  const program = new Program(t, 'conformance.py', await app.listen({ port: 0, host: '127.0.0.1' }))
  t.equal(await program.end(), 0)
  t.equal(program.output, `${cases.filter(({ group }) => CLAIMED.includes(group)).length} passed, 0 failed\n`)
})

t.test('the client in Python talks in the chat, is told what is wrong, and comes back after a restart', async (t) => {
  const chat = await Chat.start(t, 'http')
  const other = await connect(t, chat.wsUrl, { headers: { cookie: await chat.signIn('Bare') }, origin: chat.url })
  other.send({ type: 'message', text: 'Is there a snake?', date: 1 })
  t.match(await other.take(2), [{ type: 'present' }, { type: 'message', text: 'Is there a snake?' }])

  const program = new Program(t, 'chat.py', chat.url, 'Ada')
  await program.says('here: Ada, Bare')
  await program.says('before: Is there a snake?')
  await program.says('refused: 400 message/since must be number')

  program.write('Grüße aus Python 🐍')
  t.match(await other.next(), { type: 'message', name: 'Ada', text: 'Grüße aus Python 🐍' })
  await program.says('Ada: Grüße aus Python 🐍')
  program.write('')
  await program.says('rejected: message/text must NOT have fewer than 1 characters')

  await chat.stop('SIGTERM')
  const again = await chat.startAgain(t)
  await program.says('here: Ada')
  program.write('I am back')
  await program.says('Ada: I am back')
  t.equal(await program.end(), 0)
  t.match(program.output, /\nclosed\n$/)
  await again.stop('SIGTERM')
})

t.test('the client in Python stays closed when its person signs out', async (t) => {
  const chat = await Chat.start(t, 'http')
  const headers = { cookie: await chat.signIn('Bare') }
  const other = await connect(t, chat.wsUrl, { headers, origin: chat.url, protocols: ['chat.v2', 'typed-ws.presence'] })
  const program = new Program(t, 'chat.py', chat.url, 'Ada')
  const id = await keyOf('Ada', other)
  // Its calls have been answered.
  await program.says('refused: 400 message/since must be number')
  await chat.post('/sign-out', {}, { origin: chat.url, cookie: chat.cookieOf({ id, name: 'Ada' }) })
  await program.says('closed by the server: 4510')
  t.equal(await program.end(), 0)
})

/** The id of a person, as soon as the server tells that they are here. */
async function keyOf (name: string, client: Client): Promise<string> {
  for (;;) {
    const { members = [], joined = [] } = await client.next() as unknown as Record<'members' | 'joined', Member[] | undefined>
    const member = [...members, ...joined].find(({ info }) => info.name === name)
    if (member !== undefined) return member.key
  }
}

t.test('the page has the files as they are', async (t) => {
  const page = await readFile(join(root, 'docs/other-languages.md'), 'utf8')
  for (const name of ['typed_ws.py', 'chat.py', 'conformance.py']) {
    t.ok(page.includes(`\`\`\`python\n${await readFile(join(root, 'examples/python', name), 'utf8')}\`\`\`\n`), name)
  }
})
