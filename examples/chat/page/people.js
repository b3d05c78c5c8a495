// @ts-check
import { paintAvatar } from './avatar.js'
import { part, stamp } from './element.js'

/** @typedef {import('../contract.js').Person} Person */

/** The list of who is here. */
export class People {
  #title = part(document, '#here-title')
  #list = part(document, '#people')
  #count = part(document, '#count')

  constructor () {
    this.#list.addEventListener('scroll', () => this.#fade(), { passive: true })
    new window.ResizeObserver(() => this.#fade()).observe(this.#list)
  }

  /**
   * Without a connection the list is the last one that was known.
   * @param {boolean} isLive
   */
  setLive (isLive) {
    this.#title.textContent = isLive || this.#list.children.length === 0 ? 'Here now' : 'Last seen'
  }

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
    this.#fade()
  }

  // The strip of a phone fades where it goes on; the keyboard reaches a list that scrolls.
  #fade () {
    const { scrollLeft, scrollWidth, clientWidth, scrollHeight, clientHeight } = this.#list
    const left = Math.abs(scrollLeft)
    this.#list.classList.toggle('more-before', left > 1)
    this.#list.classList.toggle('more-after', scrollWidth - clientWidth - left > 1)
    if (scrollWidth > clientWidth || scrollHeight > clientHeight) this.#list.tabIndex = 0
    else this.#list.removeAttribute('tabindex')
  }
}
