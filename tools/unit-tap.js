// @ts-check
// The tests of a file belong to the test of that file, and not to the process: in the bundle a file
// imports this module by the name of tap.
import tap from 'tap'

/** @type {Pick<typeof tap, 'test'>} */
let current = tap

/**
 * Runs files of tests, each as one test, until no more come. The test around them keeps tap from
 * ending when it has nothing to do.
 *
 * @param {AsyncIterable<[file: string, script: string]>} files
 * @param {number} timeoutMs - the limit of a file
 */
export function runFiles (files, timeoutMs) {
  return tap.test('units', { timeout: 0 }, async (units) => {
    for await (const [file, script] of files) {
      await units.test(file, { timeout: timeoutMs }, async (t) => {
        current = t
        await import(script)
      })
    }
  })
}

export { current as default }
