export type Timer = ReturnType<typeof setTimeout>

// What a timer can hold: a longer time would be none.
const MAX_MS = 2 ** 31 - 1

/** Calls back later, be it in `Infinity`. */
export function after (ms: number, then: () => void): Timer {
  return setTimeout(then, Math.min(ms, MAX_MS))
}
