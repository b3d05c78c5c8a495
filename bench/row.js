// @ts-check
import { setTimeout as delay } from 'node:timers/promises'

const GC_ROUNDS = 4
const GC_PAUSE_MS = 150            // what V8 frees beside the main thread is given back by then

/** The questions that the runner may ask of any row. */
const answers = {
  cpu: () => process.cpuUsage(),
  usage: () => process.memoryUsage(),

  /** Takes --expose-gc. */
  async memory () {
    for (let round = 0; round < GC_ROUNDS; round++) {
      globalThis.gc?.()
      await delay(GC_PAUSE_MS)
    }
    return process.memoryUsage()
  }
}

/**
 * A server row's side of the talk with the runner: says where it listens, answers questions, leaves
 * with the runner.
 *
 * @param {number} port
 * @param {Record<string, (question: any) => unknown>} [others] answers of this row's own, by name
 */
export function report (port, others = {}) {
  /** @type {Record<string, (question: any) => unknown>} */
  const known = { ...answers, ...others }
  process.on('message', async (/** @type {any} */ question) => process.send?.({ result: await known[question.name](question) }))
  process.on('disconnect', () => process.exit())
  process.send?.({ result: port })
}
