import t from 'tap'
import { countTurns, maskedFrame, spin, until } from '../../support/helper.js'
import { live, start } from '../../support/live.js'

t.test('handlers that wait for nothing give way to others between messages, and lose none of them', async (t) => {
  const turns = countTurns(t)
  const seen: Array<{ text: string, turn: number }> = []
  const { client, app } = await start(t, { say: ({ text }) => { seen.push({ text, turn: turns.count }); spin(6) } })
  const texts = Array.from({ length: 40 }, (_, n) => String(n))
  const tcp = (client.ws as unknown as { _socket: { write (bytes: Buffer): void } })._socket
  tcp.write(Buffer.concat(texts.map((text) => maskedFrame(JSON.stringify({ type: 'say', text })))))
  await until(() => seen.length === texts.length)
  t.same(seen.map(({ text }) => text), texts, 'in their order')
  t.ok(new Set(seen.map(({ turn }) => turn)).size >= 3)
  t.match(app.channel(live).stats, { queued: 0, running: 0 })
})
