import { setImmediate as nextTurn } from 'node:timers/promises'

// A turn of the event loop that lasts longer makes other connections wait.
const MAX_TURN_MS = 10

let beganMs: number | undefined

/** True when this turn of the event loop has lasted too long, counted from the first call in it. */
export function isLong (): boolean {
  const nowMs = performance.now()
  if (beganMs === undefined) {
    beganMs = nowMs
    setImmediate(endTurn)
  }
  return nowMs - beganMs > MAX_TURN_MS
}

/**
 * Resolves at once, or in the next turn when this one is long: for a loop of the app's that awaits
 * nothing else.
 */
export async function giveWay (): Promise<void> {
  if (isLong()) await nextTurn()
}

function endTurn (): void {
  beganMs = undefined
}
