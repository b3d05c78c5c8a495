import { isRecord } from '../../record.js'

/** A message that was written earlier. */
export interface Prepared {
  readonly name: string
  readonly message: string
  readonly text: string
}

/** The part of a page's storage that is used. */
export interface TextStorage {
  getItem (key: string): string | null
  setItem (key: string, value: string): void
}

/** The prepared messages of a route, in the page's storage, or in memory where that is closed. */
export class PreparedMessages {
  readonly #storage: TextStorage | undefined
  readonly #key: string
  #list: readonly Prepared[]

  constructor (storage: TextStorage | undefined, document: string, route: string) {
    this.#storage = storage
    this.#key = `fastify-typed-ws/console ${document} ${route}`
    this.#list = this.#read()
  }

  get list (): readonly Prepared[] {
    return this.#list
  }

  /**
   * Saves a message in place of the one of this name. Returns `false` where it is kept in memory
   * only.
   */
  save (prepared: Prepared): boolean {
    return this.#write([...this.#list.filter(({ name }) => name !== prepared.name), prepared])
  }

  remove (name: string): boolean {
    return this.#write(this.#list.filter((one) => one.name !== name))
  }

  #read (): Prepared[] {
    try {
      const list: unknown = JSON.parse(this.#storage?.getItem(this.#key) ?? '[]')
      return Array.isArray(list) ? list.filter(isPrepared) : []
    } catch {
      return []
    }
  }

  #write (list: readonly Prepared[]): boolean {
    this.#list = list
    try {
      this.#storage?.setItem(this.#key, JSON.stringify(list))
      return this.#storage !== undefined
    } catch {
      // Full, or closed by the person.
      return false
    }
  }
}

function isPrepared (value: unknown): value is Prepared {
  return isRecord(value) && ['name', 'message', 'text'].every((key) => typeof value[key] === 'string')
}
