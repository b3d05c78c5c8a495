// @ts-check
import { paintAvatar } from './avatar.js'
import { part, stamp } from './element.js'

/** @typedef {import('../contract.js').Person} Person */

/** The list of who is here. */
export class People {
  #list = part(document, '#people')
  #count = part(document, '#count')

  /**
   * @param {Person[]} people
   * @param {Person} you
   */
  replace (people, you) {
    this.#list.replaceChildren()
    this.add(you, true)
    for (const person of people) this.add(person)
  }

  /** @param {Person} person */
  add (person, isYou = false) {
    if (this.#find(person) !== null) return
    const item = stamp('person')
    item.dataset['id'] = person.id
    item.classList.toggle('you', isYou)
    paintAvatar(part(item, '.avatar'), person)
    part(item, '.name').textContent = person.name
    this.#list.append(item)
    this.#recount()
  }

  /** @param {Person} person */
  remove (person) {
    this.#find(person)?.remove()
    this.#recount()
  }

  /** @param {Person} person */
  #find ({ id }) {
    return this.#list.querySelector(`[data-id="${id}"]`)
  }

  #recount () {
    this.#count.textContent = String(this.#list.children.length)
  }
}
