// @ts-check
import { setTimeout as delay } from 'node:timers/promises'

const GC_ROUNDS = 4
const GC_PAUSE_MS = 150            // what V8 frees beside the main thread is given back by then
const CPU_SAMPLE_US = 200
const HEAP_SAMPLE_BYTES = 8192

/** @type {import('node:inspector/promises').Session} */
let inspector

// Memory that is collected meanwhile is counted too.
const ALL_MEMORY = {
  samplingInterval: HEAP_SAMPLE_BYTES,
  includeObjectsCollectedByMajorGC: true,
  includeObjectsCollectedByMinorGC: true
}

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
  },

  /** @param {{ kind: 'cpuProfile' | 'heapProfile' }} question */
  async startProfile ({ kind }) {
    // Not every runtime has it.
    const { Session } = await import('node:inspector/promises')
    inspector = new Session()
    inspector.connect()
    if (kind === 'heapProfile') return await inspector.post('HeapProfiler.startSampling', ALL_MEMORY)
    await inspector.post('Profiler.enable')
    await inspector.post('Profiler.setSamplingInterval', { interval: CPU_SAMPLE_US })
    return await inspector.post('Profiler.start')
  },

  async cpuProfile () {
    const { profile } = await inspector.post('Profiler.stop')
    inspector.disconnect()
    return { profile }
  },

  async heapProfile () {
    const { profile: { head } } = await inspector.post('HeapProfiler.stopSampling')
    inspector.disconnect()
    return { head }
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
