import { setTimeout as pause } from 'node:timers/promises'
import type { Entry } from './contract.js'
import type { History } from './history.js'

const MAX_TRIES = 10
const PAUSE_MS = 250

/**
 * Keeps an entry and tells it, or neither. It is kept first: a page joins the room, and asks for
 * the history then, so it misses nothing.
 * @param publish - tells all who are here. Twice by one id, it tells once.
 * @param image - the bytes of an image.
 */
export async function tell (history: History, entry: Entry, publish: (by: { id: string }) => Promise<void>, image?: Buffer): Promise<void> {
  await history.add(entry, image)
  let isUnknown = false
  for (let tries = 1; ; tries++) {
    try {
      return await publish({ id: entry.id })
    } catch (error) {
      // Perhaps all have heard it, or it cannot be taken out: it is told until that is certain.
      isUnknown ||= (error as { code?: string }).code === 'FST_TYPED_WS_BROKER_TIMEOUT' || !await remove(history, entry)
      if (!isUnknown || tries === MAX_TRIES) throw error
      await pause(PAUSE_MS)
    }
  }
}

/** @returns whether it is out. */
async function remove (history: History, entry: Entry): Promise<boolean> {
  return history.remove(entry).then(() => true, () => false)
}
