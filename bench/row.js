// @ts-check

/**
 * A server row's side of the talk with the runner: says where it listens, tells its CPU time when asked, leaves with the runner.
 *
 * @param {number} port
 */
export function report (port) {
  process.on('message', () => process.send?.({ result: process.cpuUsage() }))
  process.on('disconnect', () => process.exit())
  process.send?.({ result: port })
}
