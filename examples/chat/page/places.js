// @ts-check

/**
 * @typedef {object} Told - a `$topic` of the server
 * @property {string} topic
 * @property {string} [epoch]
 * @property {number} [offset]
 * @property {boolean} [recovered] - of a topic that was left by a lost connection
 * @property {number} [missed] - so many events follow that were missed
 * @property {string} [reason]
 */

/** The page's position in each recoverable topic, as the protocol has it. */
export class Places {
  // The same over all connections of the page.
  #client = window.crypto.getRandomValues(new Uint32Array(4)).join('-')
  /** @type {Map<string, [epoch: string, offset: number]>} */
  #places = new Map()

  /** The payload of `$recover`, the first message of each connection. */
  get claim () {
    return { client: this.#client, topics: Object.fromEntries(this.#places) }
  }

  /** @param {Told} told */
  put ({ topic, epoch, offset = 0 }) {
    if (epoch === undefined) this.#places.delete(topic)
    else this.#places.set(topic, [epoch, offset])
  }

  /**
   * Moves on to an event.
   * @param {[topic: string, offset: number]} at
   * @returns whether it is new
   */
  move ([topic, offset]) {
    const place = this.#places.get(topic)
    if (place === undefined) return true
    const isNew = offset > place[1]
    if (isNew) place[1] = offset
    return isNew
  }
}
