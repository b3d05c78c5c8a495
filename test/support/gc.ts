import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/**
 * Collects all garbage at once, so that a `WeakRef` or the size of the heap says what is still
 * held.
 */
export const collectGarbage = runInNewContext('gc') as () => void
