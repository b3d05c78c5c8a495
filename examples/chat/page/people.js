// @ts-check
import { paintAvatar } from './avatar.js'
import { part, stamp } from './element.js'

/** @typedef {import('../contract.js').Person} Person */

/** The list of who is here. */
export class People {
  #title = part(document, '#here-title')
  #list = part(document, '#people')
  #count = part(document, '#count')
  /** @type {Person[]} */
  #people = []
  /** @type {Person | undefined} */
  #you

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

  /** @param {Person} you */
  setMe (you) {
    this.#you = you
    this.replace(this.#people)
  }

  /**
   * Shows these, and first the person at this page.
   * @param {Person[]} people
   */
  replace (people) {
    this.#people = people
    const you = this.#you
    const others = people.filter(({ id }) => id !== you?.id)
    this.#list.replaceChildren(...(you === undefined ? others : [you, ...others]).map((person) => this.#make(person)))
    this.#recount()
  }

  /** @param {Person} person */
  #make (person) {
    const item = stamp('person')
    item.classList.toggle('you', person.id === this.#you?.id)
    paintAvatar(part(item, '.avatar'), person)
    part(item, '.name').textContent = person.name
    return item
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
