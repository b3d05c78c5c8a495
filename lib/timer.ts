export type Timer = ReturnType<typeof setTimeout>

/** What a timer can hold: a longer time would be none. */
export const MAX_TIMEOUT_MS: number = 2 ** 31 - 1

/** Calls back later, be it in `Infinity`, and in place of a former timer if there is one. */
export function after (ms: number, then: () => void, former?: Timer): Timer {
  clearTimeout(former)
  return setTimeout(then, Math.min(ms, MAX_TIMEOUT_MS))
}
