import type { Entry, Image, Message } from './contract.js'

const MAX_ENTRIES = 200
const MAX_IMAGES = 20

/** The latest messages. A real service has a database here. */
export class History {
  #entries: Entry[] = []
  readonly #images = new Map<string, { mime: string, data: Buffer }>()

  addMessage (message: Message): void {
    this.#entries.push(message)
    if (this.#entries.length > MAX_ENTRIES) this.#forget(this.#entries[0]!.id)
  }

  addImage (image: Image, data: Buffer): void {
    this.#entries.push(image)
    this.#images.set(image.id, { mime: image.mime, data })
    if (this.#entries.length > MAX_ENTRIES) this.#forget(this.#entries[0]!.id)
    if (this.#images.size > MAX_IMAGES) this.#forget(this.#images.keys().next().value!)
  }

  /**
   * Everything from a date on. Two entries may share a date, so the caller may get what it has
   * already.
   */
  since (date: number): Entry[] {
    return this.#entries.filter((entry) => entry.date >= date)
  }

  image (id: string): { mime: string, data: Buffer } | undefined {
    return this.#images.get(id)
  }

  #forget (id: string): void {
    this.#entries = this.#entries.filter((entry) => entry.id !== id)
    this.#images.delete(id)
  }
}
