/**
 * A text of eight times the length costs a linear check eight times as much, and a quadratic one
 * sixty-four times.
 */
const LONGER = 8
const LIMIT = 24
const TRIES = 12

/**
 * Tells whether a check takes linear time, or less than two hundred times what it takes to read a
 * text, in one of some tries.
 */
export function isLinear (check: (text: string) => unknown, textOf: (length: number) => string, length = 7_500): boolean {
  const [short, long] = [textOf(length), textOf(length * LONGER)]
  const literal = JSON.stringify(long)
  for (let tries = 0; tries < TRIES; tries++) {
    const more = timeOf(() => check(long))
    if (more < LIMIT * timeOf(() => check(short)) || more < 200 * timeOf(() => JSON.parse(literal))) return true
  }
  return false
}

// The CPU's time: a neighbor of this process must not count.
function timeOf (run: () => unknown): number {
  const start = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(start)
  return user + system
}
