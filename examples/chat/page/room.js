// @ts-check
import { Composer } from './composer.js'
import { part } from './element.js'
import { Log } from './log.js'
import { Notice } from './notice.js'
import { Outbox } from './outbox.js'
import { People } from './people.js'
import { wordsOf } from './words.js'

/**
 * @typedef {import('../contract.js').Entry} Entry
 * @typedef {import('../contract.js').Image} Image
 * @typedef {import('../contract.js').Message} Message
 * @typedef {import('../contract.js').Person} Person
 *
 * @typedef {object} Talk - what the room asks of a connection, whichever that is
 * @property {boolean} keepsMessages - whether messages wait for a connection
 * @property {(message: { text: string, id: string, date: number }) => boolean} sendMessage - tells
 * whether it went out now; it waits otherwise
 * @property {(image: Blob) => void} sendImage
 * @property {() => Promise<Entry[]>} history - what was said last
 * @property {() => void} retry
 */

export const EXPIRED = 4401
const NOT_SIGNED_IN = 4501
const SIGNED_OUT = 4510

/** The part of the page that a person sees and uses. */
export class Room {
  #talk
  #composer
  #notice
  #log = new Log()
  #outbox = new Outbox()
  #people = new People()
  #sent = 0
  #me = ''
  #wasOpen = false
  #hasHistory = false
  // Missed entries that are still to come.
  #missing = 0
  #isLeaving = false

  /** @param {Talk} talk */
  constructor (talk) {
    this.#talk = talk
    this.#notice = new Notice(() => talk.retry())
    this.#composer = new Composer({
      onText: (text) => this.#say(text),
      onImage: (image) => talk.sendImage(image),
      onProblem: (title, text) => this.#notice.showToast(title, text)
    })
    this.#prepare('connecting')
    part(document, '#sign-out').addEventListener('submit', () => { this.#isLeaving = true })
  }

  /** @param {{ you: Person, node?: string, lastVisit?: number }} message */
  present ({ you, node, lastVisit }) {
    this.#me = you.id
    this.#log.setMe(you.id)
    this.#people.setMe(you)
    showNode(node)
    showLastVisit(lastVisit)
    if (!this.#hasHistory) this.#load()
  }

  /**
   * Missed entries follow, or cannot be had.
   * @param {{ recovered?: boolean, missed?: number }} outcome
   */
  recovered ({ recovered, missed = 0 }) {
    this.#missing = missed
    if (!recovered) this.#lose()
    else if (missed === 0) this.#giveBack('unsure')
  }

  /** @param {Person[]} people */
  here (people) {
    this.#people.replace(people)
  }

  /** @param {Message} message */
  message (message) {
    this.#show(message)
    this.#arrived()
  }

  /** @param {Image} image */
  image (image) {
    this.#show(image)
    this.#arrived()
  }

  /** @param {import('./words.js').Refusal} refusal */
  refused (refusal) {
    const text = refusal.received === 'message' ? this.#outbox.reject() : ''
    this.#composer.restore(text)
    this.#notice.showToast('Not sent.', wordsOf(refusal, text), [refusal.statusCode, refusal.code].filter(Boolean).join(' '))
  }

  /** @param {import('./connection.js').Change} change */
  changed (change) {
    const { state, code = 0 } = change
    this.#notice.showState(change)
    this.#prepare(state)
    if (state === 'open') {
      this.#wasOpen = true
      this.#outbox.sent()
    } else this.#outbox.lost()
    if (state === 'closed') this.#giveBack('waiting', 'unsure')
    this.#notice.showWaiting(this.#outbox.waitingCount)
    if (state === 'closed' && [EXPIRED, NOT_SIGNED_IN, SIGNED_OUT].includes(code) && !this.#isLeaving) leave(code)
  }

  /** @param {import('./connection.js').State} state */
  #prepare (state) {
    const { keepsMessages } = this.#talk
    const isOpen = state === 'open'
    const lost = keepsMessages && state !== 'closed' ? 'Offline: messages wait' : 'Offline: your text waits'
    this.#composer.setState(
      isOpen || !this.#wasOpen ? 'Write a message' : lost,
      isOpen || (keepsMessages && state !== 'closed'),
      isOpen
    )
    this.#people.setLive(isOpen)
  }

  /** @param {Entry} entry */
  #show (entry) {
    if (!('text' in entry)) this.#log.addImage(entry, `/chat/images/${entry.id}`)
    else if (this.#log.addMessage(entry) && entry.from === this.#me) this.#outbox.confirm(entry.text)
  }

  // A message sent over the lost connection is among the missed ones, or has not arrived.
  #arrived () {
    if (this.#missing > 0 && --this.#missing === 0) this.#giveBack('unsure')
  }

  // Messages from before this page was here.
  async #load () {
    const entries = await this.#talk.history().catch(() => undefined)
    if (entries === undefined) return
    this.#hasHistory = true
    for (const entry of entries) this.#show(entry)
    this.#log.settle()
    this.#giveBack('unsure')
  }

  // The history may have them; the page has not seen how much lies between.
  #lose () {
    this.#notice.showWarning('Messages may be missing.', 'Something that was said could not be recovered.')
    this.#hasHistory = false
    this.#load()
  }

  /** @param {import('./outbox.js').State[]} states */
  #giveBack (...states) {
    const texts = this.#outbox.giveUp(...states)
    if (texts.length === 0) return
    this.#composer.restore(texts.join('\n'))
    this.#notice.showToast('Not sent.', 'The connection was lost. Your text is below again.')
  }

  /** @param {string} text */
  #say (text) {
    try {
      this.#outbox.add(text, this.#talk.sendMessage({ text, id: String(++this.#sent), date: Date.now() }))
    } catch (error) {
      this.#composer.restore(text)
      this.#notice.showToast('Not sent.', wordsOf(/** @type {import('./words.js').Refusal} */ (error)))
    }
    this.#notice.showWaiting(this.#outbox.waitingCount)
    this.#log.showEnd()
  }
}

/**
 * Goes to the sign-in page, which says why.
 * @param {number} code - of the close
 */
export function leave (code) {
  window.location.assign(code === SIGNED_OUT ? '/sign-in#elsewhere' : '/sign-in#expired')
}

// A browser does not tell a page why a handshake was refused: one that is not signed in any more is
// sent to sign in where it asks for a page.
export async function isAdmitted () {
  const response = await fetch('/chat', { redirect: 'manual', cache: 'no-store' }).catch(() => undefined)
  return response?.type !== 'opaqueredirect'
}

/** @param {string} [name] */
function showNode (name) {
  const line = part(document, '#node')
  line.hidden = name === undefined
  line.textContent = `You speak to ${name}`
}

/** @param {number} [date] */
function showLastVisit (date) {
  const line = part(document, '#last-visit')
  if (date === undefined || line.textContent !== '') return
  line.hidden = false
  line.textContent = `Your last visit: ${new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(date)}`
}
