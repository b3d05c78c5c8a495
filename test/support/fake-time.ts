import { performance } from 'node:perf_hooks'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Teardown } from './helper.js'

type Apis = NonNullable<NonNullable<Parameters<typeof mock.timers.enable>[0]>['apis']>

/** The date at which fake time begins. */
export const NOW = 1_700_000_000_000

/**
 * Timers and, with `Date` among the APIs, the clock stand still until `pass`; real again when the
 * test ends.
 */
export function fakeTime (t: Teardown, apis: Apis = ['setTimeout', 'Date'], now: number | Date = NOW): void {
  mock.timers.enable({ apis, now })
  t.teardown(() => mock.timers.reset())
}

/**
 * Lets time pass step by step; after each step everything that it started happens, then `eachStep`
 * is called.
 */
export async function pass (ms: number, stepMs: number = 100, eachStep: () => void = () => {}): Promise<void> {
  for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
    mock.timers.tick(Math.min(stepMs, leftMs))
    await turn()
    eachStep()
  }
}

/**
 * `performance.now` stands still, until it is moved, or the test ends.
 * `busyMs`: the time that the event loop has worked since it was last asked.
 */
export function stopClock (t: Teardown): { nowMs: number, busyMs: number } {
  const clock = { nowMs: Math.ceil(performance.now()), busyMs: 0 }
  const now = mock.method(performance, 'now', () => clock.nowMs)
  const work = mock.method(performance, 'eventLoopUtilization', () => ({ idle: 0, active: clock.busyMs, utilization: 0 }))
  t.teardown(() => {
    now.mock.restore()
    work.mock.restore()
  })
  return clock
}

/** Every random number is this one until the test ends. */
export function fakeRandom (t: Teardown, value: number): void {
  const random = mock.method(Math, 'random', () => value)
  t.teardown(() => random.mock.restore())
}

export { turn }
