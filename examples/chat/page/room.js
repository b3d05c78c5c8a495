// @ts-check
import { Composer } from './composer.js'
import { part } from './element.js'
import { Log } from './log.js'
import { Notice } from './notice.js'
import { People } from './people.js'

/**
 * @typedef {import('../contract.js').Entry} Entry
 * @typedef {import('../contract.js').Image} Image
 * @typedef {import('../contract.js').Message} Message
 * @typedef {import('../contract.js').Person} Person
 *
 * @typedef {object} Talk - what the room asks of a connection, whichever that is
 * @property {(message: { text: string, id: string, date: number }) => void} sendMessage
 * @property {(image: Blob) => void} sendImage
 * @property {(since: number) => Promise<Entry[]>} history
 * @property {() => void} retry
 */

const SIGNED_OUT = [4401, 4501]

/** The part of the page that a person sees and uses. */
export class Room {
  #talk
  #composer
  #notice
  #log = new Log()
  #people = new People()
  /** @type {Image | undefined} */
  #announced
  /**
   * Sent and not answered yet, by a message or by an `$error`, which come in the same order. @type
   * {string[]}
   */
  #unanswered = []
  #sent = 0
  #me = ''

  /** @param {Talk} talk */
  constructor (talk) {
    this.#talk = talk
    this.#notice = new Notice(() => talk.retry())
    this.#composer = new Composer({
      onText: (text) => this.#say(text),
      onImage: (image) => talk.sendImage(image),
      onProblem: (title, text) => this.#notice.showToast(title, text)
    })
  }

  /** @param {{ you: Person, people: Person[], lastVisit?: number }} message */
  present ({ you, people, lastVisit }) {
    this.#me = you.id
    this.#log.setMe(you.id)
    this.#people.replace(people, you)
    showLastVisit(lastVisit)
  }

  /** @param {Person} person */
  joined (person) {
    this.#people.add(person)
  }

  /** @param {Person} person */
  left (person) {
    this.#people.remove(person)
  }

  /** @param {Message} message */
  message (message) {
    if (message.from === this.#me && message.text === this.#unanswered[0]) this.#unanswered.shift()
    this.#log.addMessage(message)
  }

  /** @param {Image} image */
  image (image) {
    this.#announced = image
  }

  /** @param {ArrayBuffer} data */
  binary (data) {
    if (this.#announced === undefined) return
    this.#log.addImage(this.#announced, URL.createObjectURL(new Blob([data], { type: this.#announced.mime })))
    this.#announced = undefined
  }

  /** @param {{ received?: string, statusCode?: number, code?: string, message: string }} error */
  refused ({ received, statusCode, code = '', message }) {
    if (received === 'message') this.#composer.restore(this.#unanswered.shift() ?? '')
    this.#notice.showToast('Not sent.', message, `${statusCode} ${code}`)
  }

  /** @param {import('./connection.js').Change} change */
  changed (change) {
    this.#notice.showState(change)
    this.#composer.enable(change.state === 'open')
    if (change.state === 'open') this.#catchUp()
    else this.#composer.restore(this.#unanswered.splice(0).join('\n'))
    if (change.state === 'closed' && SIGNED_OUT.includes(change.code ?? 0)) window.location.assign('/sign-in')
  }

  // Messages from before, or from while the connection was lost.
  async #catchUp () {
    /** @type {Entry[]} */
    const entries = await this.#talk.history(this.#log.newestDate).catch(() => [])
    for (const entry of entries) {
      if ('text' in entry) this.#log.addMessage(entry)
      else this.#log.addImage(entry, `/chat/images/${entry.id}`)
    }
    this.#log.settle()
  }

  /** @param {string} text */
  #say (text) {
    this.#unanswered.push(text)
    this.#talk.sendMessage({ text, id: String(++this.#sent), date: Date.now() })
  }
}

// A browser does not tell a page why a handshake was refused: one that is not signed in any more is
// sent to sign in where it asks for a page.
export async function isAdmitted () {
  const response = await fetch('/chat', { redirect: 'manual', cache: 'no-store' }).catch(() => undefined)
  return response?.type !== 'opaqueredirect'
}

/** @param {number} [date] */
function showLastVisit (date) {
  const line = part(document, '#last-visit')
  if (date === undefined || line.textContent !== '') return
  line.hidden = false
  line.textContent = `Your last visit: ${new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(date)}`
}
