// @ts-check
import { paintAvatar } from './avatar.js'
import { part, stamp } from './element.js'

/**
 * @typedef {import('../contract.js').Entry} Entry
 * @typedef {import('../contract.js').Message} Message
 * @typedef {import('../contract.js').Image} Image
 */

const NEAR_PX = 120
const ONE_BREATH_MS = 5 * 60 * 1000

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })

/** The messages, in order of their dates. */
export class Log {
  #scroller = part(document, '#log')
  #list = part(document, '#entries')
  #empty = part(document, '#empty')
  #newest = part(document, '#newest')
  #viewer = /** @type {HTMLDialogElement} */ (part(document, '#viewer'))
  #ids = new Set()
  #follows = true
  #me = ''
  /** The date of the newest entry: what came later was missed. */
  newestDate = 0

  constructor () {
    this.#newest.addEventListener('click', () => this.showEnd())
    this.#scroller.addEventListener('scroll', () => this.#scrolled())
    // The composer grows, a banner comes: the end stays in sight.
    new window.ResizeObserver(() => { if (this.#follows) this.showEnd() }).observe(this.#scroller)
    this.#viewer.addEventListener('click', () => this.#viewer.close())
  }

  /** @param {string} id */
  setMe (id) {
    this.#me = id
  }

  /**
   * @param {Message} message
   * @returns whether it is new
   */
  addMessage (message) {
    return this.#add(message, (bubble) => { bubble.textContent = message.text })
  }

  /**
   * @param {Image} image
   * @param {string} url
   */
  addImage (image, url) {
    this.#add(image, (bubble) => {
      bubble.classList.add('picture')
      bubble.append(this.#picture(image, url))
    })
  }

  /** There is nothing older to come. */
  settle () {
    this.#empty.hidden = false
  }

  /** Shows the newest entry, and keeps the end in sight. */
  showEnd () {
    this.#follows = true
    this.#scroller.scrollTop = this.#scroller.scrollHeight
  }

  /**
   * @param {Entry} entry
   * @param {(bubble: HTMLElement) => void} fill
   */
  #add (entry, fill) {
    if (this.#ids.has(entry.id)) return false
    this.#ids.add(entry.id)
    this.newestDate = Math.max(this.newestDate, entry.date)
    const follows = this.#follows || entry.from === this.#me
    const item = this.#make(entry)
    fill(part(item, '.bubble'))
    this.#insert(item)
    if (follows) this.showEnd()
    else this.#newest.hidden = false
    return true
  }

  /** @param {Entry} entry */
  #make ({ from, name, date }) {
    const item = stamp('entry')
    const time = /** @type {HTMLTimeElement} */ (part(item, '.clock'))
    item.dataset['from'] = from
    item.dataset['date'] = String(date)
    item.classList.toggle('mine', from === this.#me)
    paintAvatar(part(item, '.avatar'), { id: from, name })
    part(item, '.name').textContent = name
    time.dateTime = new Date(date).toISOString()
    time.title = exact.format(date)
    time.textContent = clock.format(date)
    return item
  }

  /**
   * @param {Image} image
   * @param {string} url
   */
  #picture ({ name }, url) {
    const button = document.createElement('button')
    const picture = document.createElement('img')
    picture.alt = `Image from ${name}`
    picture.addEventListener('load', () => { if (this.#follows) this.showEnd() })
    picture.src = url
    button.append(picture)
    button.addEventListener('click', () => this.#show(picture))
    return button
  }

  /** @param {HTMLImageElement} picture */
  #show ({ src, alt }) {
    const large = /** @type {HTMLImageElement} */ (part(this.#viewer, 'img'))
    large.src = src
    large.alt = alt
    this.#viewer.showModal()
  }

  // Almost always at the end; the history is what may come late.
  /** @param {HTMLElement} item */
  #insert (item) {
    let before = this.#list.lastElementChild
    while (before !== null && dateOf(before) > dateOf(item)) before = before.previousElementSibling
    if (before === null) this.#list.prepend(item)
    else before.after(item)
    join(before, item)
    join(item, item.nextElementSibling)
  }

  #scrolled () {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller
    this.#follows = scrollHeight - scrollTop - clientHeight < NEAR_PX
    if (this.#follows) this.#newest.hidden = true
  }
}

/**
 * Says day and name once, for entries that belong together.
 * @param {Element | null} before
 * @param {Element | null} after
 */
function join (before, after) {
  if (after === null) return
  const isNewDay = before === null || dayOf(before) !== dayOf(after)
  part(after, '.day').textContent = isNewDay ? dayOf(after) : ''
  after.classList.toggle('continued', !isNewDay && isOneBreath(before, after))
}

/**
 * @param {Element} before
 * @param {Element} after
 */
function isOneBreath (before, after) {
  return before.getAttribute('data-from') === after.getAttribute('data-from') && dateOf(after) - dateOf(before) < ONE_BREATH_MS
}

/** @param {Element} item */
function dayOf (item) {
  return day.format(dateOf(item))
}

/** @param {Element} item */
function dateOf (item) {
  return Number(item.getAttribute('data-date'))
}
