import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Diagnostics } from '../../lib/index.js'
import type { Teardown } from './helper.js'

/** Hears a channel of node:diagnostics_channel while the test lasts. */
export function hear<K extends keyof Diagnostics> (t: Teardown, name: K): Array<Diagnostics[K]> {
  const heard: Array<Diagnostics[K]> = []
  const listener = (message: unknown): void => { heard.push(message as Diagnostics[K]) }
  subscribe(name, listener)
  t.teardown(() => { unsubscribe(name, listener) })
  return heard
}
