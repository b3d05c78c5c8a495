export { consolePlugin as console, consolePlugin as default } from './plugin.js'
export type * from '../../types/console.js'
