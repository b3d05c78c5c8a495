import { performance } from 'node:perf_hooks'

let ms: number | undefined

/** Notes that bytes have arrived. */
export function noteArrival (): void {
  ms = undefined
}

/** The time at which the last bytes arrived: the clock is read once for all their messages. */
export function arrivalMs (): number {
  ms ??= performance.now()
  return ms
}
