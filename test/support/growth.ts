/** How much more a text of four times the length costs a check, at the least of some tries: four times for a linear check, sixteen for a quadratic one. */
const LONGER = 4
const LIMIT = 9
const TRIES = 5

/** Whether a check takes linear time, or less than fifty times what it takes to read a text. */
export function isLinear (check: (text: string) => unknown, textOf: (length: number) => string, length = 15_000): boolean {
  const [short, long] = [textOf(length), textOf(length * LONGER)]
  const literal = JSON.stringify(long)
  for (let tries = 0; tries < TRIES; tries++) {
    const [once, more] = [timeOf(() => check(short)), timeOf(() => check(long))]
    if (more < LIMIT * once || more < 50 * timeOf(() => JSON.parse(literal))) return true
  }
  return false
}

function timeOf (run: () => unknown): number {
  return Math.min(...Array.from({ length: 3 }, () => {
    const start = performance.now()
    run()
    return performance.now() - start
  }))
}
