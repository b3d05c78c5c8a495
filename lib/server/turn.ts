import { performance, type EventLoopUtilization } from 'node:perf_hooks'

// A turn of the event loop that lasts longer makes other connections wait.
const MAX_TURN_MS = 10
// The time of one turn for all work that has given way before. It is as long as everything else has
// taken since, where that is longer: under a load that many share, it falls behind nobody.
const MIN_SHARE_MS = 0.25

interface Task {
  readonly run: () => void
  readonly maxShareMs: number
}

let turn = 0
let beganMs: number | undefined
const tasks: Task[] = []
let isPlanned = false
// The tasks of this turn, the time at which the first of them began, and their share.
let left = 0
let shareBeganMs = 0
let shareMs = MIN_SHARE_MS
let planned: EventLoopUtilization | undefined

/**
 * True when this turn of the event loop has lasted longer than `maxMs`, counted from the first call
 * in it.
 */
export function isLong (maxMs: number = MAX_TURN_MS): boolean {
  const nowMs = performance.now()
  return nowMs - beginningOf(nowMs) > maxMs
}

/**
 * Resolves at once, or in a later turn when this one is long: for a loop of the app's that awaits
 * nothing else.
 */
export async function giveWay (): Promise<void> {
  if (isLong()) await laterTurn()
}

/** Resolves in a later turn, in its place among all work that has given way. */
export function laterTurn (): Promise<void> {
  return new Promise((resolve) => { later(resolve) })
}

/**
 * Runs a task in a later turn, in the order of the calls: one task at least, and more while their
 * share of the turn lasts. Connections that have little to do are served between the turns.
 * @param task - enters the context it needs. If it throws, the tasks behind it run all the same.
 * @param maxShareMs - the share after which it does not begin in the same turn, however long the
 * share is.
 */
export function later (task: () => void, maxShareMs: number = Number.POSITIVE_INFINITY): void {
  tasks.push({ run: task, maxShareMs })
  if (!isPlanned) plan()
}

/** The work of one connection: how long has it gone on in this turn of the event loop? */
export class Work {
  #turn = -1
  #beganMs = 0

  /** True when it has gone on for longer than `maxMs`, counted from the first call in this turn. */
  isLong (maxMs: number): boolean {
    const nowMs = performance.now()
    beginningOf(nowMs)
    if (this.#turn !== turn) {
      this.#turn = turn
      this.#beganMs = nowMs
    }
    return nowMs - this.#beganMs > maxMs
  }
}

function beginningOf (nowMs: number): number {
  if (beganMs === undefined) {
    beganMs = nowMs
    setImmediate(endTurn)
  }
  return beganMs
}

function endTurn (): void {
  beganMs = undefined
  turn++
}

function plan (): void {
  isPlanned = true
  planned = performance.eventLoopUtilization()
  setImmediate(beginShare)
}

function beginShare (): void {
  shareBeganMs = performance.now()
  shareMs = Math.max(MIN_SHARE_MS, performance.eventLoopUtilization(planned).active)
  left = tasks.length
  runNext()
}

// The next task begins when all promises have gone on that this one settles.
function runNext (): void {
  left--
  try {
    tasks.shift()!.run()
  } finally {
    queueMicrotask(awaitTick)
  }
}

function awaitTick (): void {
  process.nextTick(goOn)
}

function goOn (): void {
  if (left > 0 && performance.now() - shareBeganMs < Math.min(shareMs, tasks[0]!.maxShareMs)) return runNext()
  isPlanned = false
  if (tasks.length > 0) plan()
}
