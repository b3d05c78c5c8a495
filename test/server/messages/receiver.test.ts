import t from 'tap'
import { Receiver } from '../../../lib/server/messages/receiver.js'

t.test('frames that arrive while input is ignored are left out, texts and binary ones', async (t) => {
  const receiver = new Receiver({} as never, { input: { isIgnored: true } } as never, { isFull: false } as never, {} as never)
  receiver.takeText('{"type":"late"}', 15)
  receiver.takeBinary(Buffer.of(1))
  t.equal(receiver.received, 0)
})
