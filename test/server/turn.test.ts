// Work that has given way goes on in later turns of the event loop, in its order.
import t from 'tap'
import { giveWay, isLong, later, laterTurn, Work } from '../../lib/server/turn.js'
import { stopClock, turn } from '../support/fake-time.js'
import { countTurns } from '../support/helper.js'

const SHARE_MS = 0.25

t.test('a task that takes the share of its turn makes the next one wait for the next turn', async (t) => {
  const clock = stopClock(t)
  const turns = countTurns(t)
  const done: Array<{ n: number, turn: number }> = []
  for (const n of [0, 1, 2]) later(() => { done.push({ n, turn: turns.count }); clock.nowMs += SHARE_MS })
  t.same(done, [], 'none runs at once')
  while (done.length < 3) await turn()
  t.same(done.map(({ n }) => n), [0, 1, 2])
  t.equal(new Set(done.map(({ turn }) => turn)).size, 3)
})

t.test('short tasks share a turn, and promises go on between two of them', async (t) => {
  const clock = stopClock(t)
  const turns = countTurns(t)
  const done: Array<{ n: number, turn: number }> = []
  const wait = async (n: number): Promise<void> => {
    await laterTurn()
    done.push({ n, turn: turns.count })
    clock.nowMs += SHARE_MS / 2
  }
  await Promise.all([0, 1, 2, 3].map(wait))
  t.same(done.map(({ n }) => n), [0, 1, 2, 3])
  const [first] = done
  t.same(done.map(({ turn }) => turn - first!.turn), [0, 0, 1, 1])
})

t.test('the share of tasks is as long as everything else took, so that a busy turn does not leave them behind', async (t) => {
  const clock = stopClock(t)
  const turns = countTurns(t)
  clock.busyMs = 2
  const done: Array<{ n: number, turn: number }> = []
  for (const n of [0, 1, 2, 3]) later(() => { done.push({ n, turn: turns.count }); clock.nowMs++ })
  while (done.length < 4) await turn()
  t.same(done.map(({ n }) => n), [0, 1, 2, 3])
  const [first] = done
  t.same(done.map(({ turn }) => turn - first!.turn), [0, 0, 1, 1])
})

t.test('a task may ask for a short share, as handshakes do, however busy a turn is', async (t) => {
  const clock = stopClock(t)
  const turns = countTurns(t)
  clock.busyMs = 2
  const done: number[] = []
  for (const maxShareMs of [1, 1, undefined, 1]) later(() => { done.push(turns.count); clock.nowMs++ }, maxShareMs)
  while (done.length < 4) await turn()
  t.same(done.map((turn) => turn - done[0]!), [0, 1, 1, 2])
})

t.test('many tasks run in their order', async (t) => {
  stopClock(t)
  const done: number[] = []
  await Promise.all(Array.from({ length: 100 }, async (_, n) => { await laterTurn(); done.push(n) }))
  t.same(done, Array.from({ length: 100 }, (_, n) => n))
})

t.test('a task that throws, in an app that lives on, leaves the tasks behind it in their places', async (t) => {
  const thrown: unknown[] = []
  process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error))
  t.teardown(() => process.setUncaughtExceptionCaptureCallback(null))
  const done: number[] = []
  const fault = new Error('of a listener')
  for (const n of [0, 1]) later(() => { done.push(n) })
  later(() => { throw fault })
  later(() => { done.push(2) })
  await laterTurn()
  t.same(done, [0, 1, 2])
  t.same(thrown, [fault])
})

t.test('a turn is long from the first look on, and the work of one connection from its own first look', async (t) => {
  const clock = stopClock(t)
  await turn()
  const [one, other] = [new Work(), new Work()]
  t.equal(isLong(), false)
  t.equal(one.isLong(1), false)
  clock.nowMs += 11
  t.equal(isLong(), true)
  t.equal(one.isLong(1), true)
  t.equal(other.isLong(1), false)
  await giveWay()
  t.equal(isLong(), false, 'another turn')
  t.equal(one.isLong(1), false)
})
