// @ts-check

/**
 * @typedef {import('../contract.js').Person} Person
 *
 * @typedef {{ key: string, info: { name: string } }} Member
 *
 * @typedef {object} Told - a `$members` of the server
 * @property {Member[]} [members] - all of them
 * @property {Member[]} [joined]
 * @property {string[]} [left]
 * @property {Member[]} [updated]
 */

/** The people in the room, as the protocol tells them: all at first, and then the changes. */
export class Members {
  /** @type {Map<string, Person>} */
  #people = new Map()

  /**
   * Takes in a message.
   * @param {Told} told
   * @returns all people
   */
  take ({ members = [], joined, left, updated }) {
    if (joined === undefined && left === undefined && updated === undefined) this.#people.clear()
    for (const member of [members, joined ?? [], updated ?? []].flat()) this.#people.set(member.key, personOf(member))
    for (const key of left ?? []) this.#people.delete(key)
    return [...this.#people.values()]
  }
}

/** @param {Member} member */
export function personOf ({ key, info }) {
  return { id: key, name: info.name }
}
