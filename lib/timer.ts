export type Timer = ReturnType<typeof setTimeout>

/** The longest time of a timer: one with a longer time fires at once. */
export const MAX_TIMEOUT_MS: number = 2 ** 31 - 1

/** Calls back later, in place of a former timer if there is one. A time may be `Infinity`. */
export function after (ms: number, then: () => void, former?: Timer): Timer {
  clearTimeout(former)
  return setTimeout(then, Math.min(ms, MAX_TIMEOUT_MS))
}
