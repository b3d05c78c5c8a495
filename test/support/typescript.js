// Loads TypeScript in the processes of the tests. What a file compiles to is kept in .cache, so
// that sixty processes do not compile the same hundred files.
import { register } from 'node:module'

register('./typescript-hooks.js', import.meta.url)
