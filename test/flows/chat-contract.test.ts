// The contract of the example chat, and the pages that are still open when it changes.
import { readFile, writeFile } from 'node:fs/promises'
import t from 'tap'
import { chat } from '../../examples/chat/contract.js'
import { chatV1 } from '../../examples/chat/contract-v1.js'
import { assertCompatible, compareContracts } from '../../lib/compat/index.js'

// LOCK=1 writes the file: with each release.
const file = new URL('../../examples/chat/contract.lock.json', import.meta.url)
if (process.env['LOCK'] === '1') await writeFile(file, `${JSON.stringify(chat, null, 2)}\n`)
const released = JSON.parse(await readFile(file, 'utf8')) as { clientToServer: { message: { required: string[] } } }

t.test('the chat still understands the pages that are open', (t) => {
  t.doesNotThrow(() => assertCompatible(released, chat))
  t.end()
})

t.test('the chat still understands the pages of its first version', async (t) => {
  const first = JSON.parse(await readFile(new URL('../fixtures/chat.v1.json', import.meta.url), 'utf8')) as object
  t.doesNotThrow(() => assertCompatible(first, chatV1))
})

t.test('a property that open pages do not send is found before a deploy', (t) => {
  released.clientToServer.message.required.pop()
  t.match(compareContracts(released, chat), [{ impact: 'breaking', where: 'clientToServer.message.date' }])
  t.end()
})
