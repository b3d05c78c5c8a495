import type { Entry } from './contract.js'

export const MAX_ENTRIES = 200
const MAX_IMAGES = 20

/**
 * The latest entries, for those who were not here to hear them, and the bytes of images. A page
 * that was away for a moment does not need it: the room is a recoverable topic.
 */
export interface History {
  /** @param image - the bytes of an image. */
  add (entry: Entry, image?: Buffer): Promise<void>
  /** Takes out an entry that nobody was told. */
  remove (entry: Entry): Promise<void>
  /** The entries from a date on, oldest first. */
  since (date: number): Promise<Entry[]>
  /** The bytes of an image, where they are still there. */
  image (id: string): Promise<Buffer | undefined>
}

/** A history in the memory of this process. */
export class MemoryHistory implements History {
  #entries: Entry[] = []
  readonly #images = new Map<string, Buffer>()

  async add (entry: Entry, image?: Buffer): Promise<void> {
    this.#entries.push(entry)
    if (image !== undefined) this.#images.set(entry.id, image)
    if (this.#entries.length > MAX_ENTRIES) this.#forget(this.#entries[0]!.id)
    if (this.#images.size > MAX_IMAGES) this.#forget(this.#images.keys().next().value!)
  }

  async remove ({ id }: Entry): Promise<void> {
    this.#forget(id)
  }

  async since (date: number): Promise<Entry[]> {
    return this.#entries.filter((entry) => entry.date >= date)
  }

  async image (id: string): Promise<Buffer | undefined> {
    return this.#images.get(id)
  }

  #forget (id: string): void {
    this.#entries = this.#entries.filter((entry) => entry.id !== id)
    this.#images.delete(id)
  }
}
