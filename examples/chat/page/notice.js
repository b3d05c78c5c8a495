// @ts-check
import { part } from './element.js'

/** @typedef {import('./connection.js').Change} Change */

const TOAST_MS = 7000
const RESTART = 1012
const PILLS = { connecting: 'Connecting', open: 'Connected', waiting: 'Offline', closed: 'Closed' }

/** A notice for the person about the connection and about what was refused. */
export class Notice {
  #pill = part(document, '#state')
  #banner = part(document, '#banner')
  #bannerText = part(document, '#banner-text')
  #waiting = part(document, '#waiting')
  #toast = part(document, '#toast')
  #toastTitle = part(document, '#toast-title')
  #toastText = part(document, '#toast-text')
  #toastCode = part(document, '#toast-code')
  #toastTimer = 0
  #countdown = 0
  #cause = ''

  /** @param {() => void} retry */
  constructor (retry) {
    part(document, '#retry').addEventListener('click', retry)
    part(document, '#toast-close').addEventListener('click', () => this.hideToast())
  }

  /** @param {Change} change */
  showState ({ state, code, reason, retryInMs = 0 }) {
    document.body.dataset['state'] = state
    this.#pill.textContent = PILLS[state]
    clearInterval(this.#countdown)
    if (state === 'connecting') this.#bannerText.textContent = `${this.#cause} Trying again now.`
    if (state === 'open') this.#banner.hidden = true
    if (state === 'closed') this.#showBanner(`The server closed the connection (${[code, reason].filter(Boolean).join(': ')}).`)
    if (state !== 'waiting') return
    this.#cause = code === RESTART ? 'The server restarts.' : 'Connection lost.'
    this.#countDown(Date.now() + retryInMs)
  }

  /**
   * The number of messages that wait for a connection.
   * @param {number} count
   */
  showWaiting (count) {
    this.#waiting.textContent = count === 0 ? '' : count === 1 ? '1 message waits.' : `${count} messages wait.`
  }

  /**
   * @param {string} title
   * @param {string} text
   * @param {string} [code]
   */
  showToast (title, text, code = '') {
    this.showWarning(title, text, code)
    this.#toastTimer = setTimeout(() => this.hideToast(), TOAST_MS)
  }

  /**
   * Stays until it is dismissed, or there is something else to say.
   * @param {string} title
   * @param {string} text
   */
  showWarning (title, text, code = '') {
    clearTimeout(this.#toastTimer)
    this.#toastTitle.textContent = title
    this.#toastText.textContent = text
    this.#toastCode.textContent = code
    this.#toast.hidden = false
  }

  hideToast () {
    this.#toast.hidden = true
  }

  /** @param {number} date */
  #countDown (date) {
    const show = () => {
      const seconds = Math.ceil((date - Date.now()) / 1000)
      this.#showBanner(`${this.#cause} Trying again ${seconds > 0 ? `in ${seconds} s` : 'now'}.`)
    }
    show()
    this.#countdown = setInterval(show, 1000)
  }

  /** @param {string} text */
  #showBanner (text) {
    this.#bannerText.textContent = text
    this.#banner.hidden = false
  }
}
