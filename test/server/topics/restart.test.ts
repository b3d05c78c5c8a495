// A deploy is no departure: nodes that are restarted one after the other.
import t from 'tap'
import { FakeEngine } from '../../support/fake-engine.js'
import { restartInTurn } from '../../support/rolling-restart.js'

const MEMBERS = 12

t.test('a rolling restart of three nodes is no news to any client: only the one that comes at its end has joined', async (t) => {
  const engine = new FakeEngine()
  const { news, reopened, apps } = await restartInTurn(t, () => engine.link(), MEMBERS)
  t.same(news, Array.from({ length: MEMBERS }, () => `joined ${MEMBERS}`))
  t.ok(reopened >= MEMBERS, `${reopened} came back`)
  t.equal(engine.links.length, 6)
  t.equal(apps.length, 3)
})
