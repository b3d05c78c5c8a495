import { extname, join } from 'node:path'
import t from 'tap'
import { runNode } from '../support/child.js'

const file = join(import.meta.dirname, `planted${extname(import.meta.filename)}`)

async function suite (...args: string[]): Promise<{ code: number | null, stdout: string }> {
  return await runNode(['--import=./test/support/typescript.js', file, ...args], process.cwd())
}

t.test('a broker that keeps its duties passes the suite, whatever its engine', async (t) => {
  const { code, stdout } = await suite('none')
  t.equal(code, 0, stdout)
})

const faults: ReadonlyArray<readonly [fault: string, title: string]> = [
  ['doubles', 'engine is away at the start'],
  ['changes', 'keep their order'],
  ['swaps', 'keep their order'],
  ['queues', 'engine is away at the start'],
  ['queues', 'an engine that is away stores nothing'],
  ['echoes', 'texts and names are stored unchanged'],
  ['forks', 'publishers that cross'],
  ['repeats', 'a message with the id of a stored one'],
  ['reuses', 'a history that the engine has lost'],
  ['retells', 'a change of nothing'],
  ['skips', 'each change names the one before it'],
  ['hides', 'others see it until it ends'],
  ['trusts', 'a lease that a put has given'],
  ['resumes', 'a map that the engine has lost'],
  ['counts', 'an engine that was rolled back makes no change']
]

for (const [fault, title] of faults) {
  t.test(`a broker that ${fault} messages fails the suite: ${title}`, async (t) => {
    const { code, stdout } = await suite(fault, title)
    t.equal(code, 1)
    t.match(stdout, new RegExp(`^not ok \\d+ - planted: .*${title}`, 'm'))
    t.notMatch(stdout, /timeout!/)
  })
}
