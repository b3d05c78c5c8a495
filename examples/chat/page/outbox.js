// @ts-check
import { part, stamp } from './element.js'

/**
 * `waiting`: for a connection. `sending`: the answer is to come. `unsure`: the connection was lost
 * before the answer came.
 * @typedef {'waiting' | 'sending' | 'unsure'} State
 * @typedef {{ text: string, state: State, item: HTMLElement }} Unsent
 */

/** @type {Record<State, string>} */
const LABELS = {
  waiting: 'Waits for the connection',
  sending: 'Sending',
  unsure: 'Perhaps not sent'
}

/** The person's own messages that the server has not answered yet, below the others. */
export class Outbox {
  #list = part(document, '#outbox')
  /** @type {Unsent[]} */
  #entries = []

  get waitingCount () {
    return this.#entries.filter(({ state }) => state === 'waiting').length
  }

  /**
   * @param {string} text
   * @param {boolean} isSent
   */
  add (text, isSent) {
    const item = stamp('unsent')
    part(item, '.bubble').textContent = text
    /** @type {Unsent} */
    const entry = { text, item, state: 'waiting' }
    this.#entries.push(entry)
    mark(entry, isSent ? 'sending' : 'waiting')
    this.#list.append(item)
  }

  /** Marks as sent all that waited. */
  sent () {
    this.#markAll('waiting', 'sending')
  }

  /** Marks what is not answered: it has arrived, or not. */
  lost () {
    this.#markAll('sending', 'unsure')
  }

  /**
   * The server has taken a message.
   * @param {string} text
   */
  confirm (text) {
    this.#take((entry) => entry.state !== 'waiting' && entry.text === text)
  }

  /**
   * The server has refused a message: answers come in the order of what they answer.
   * @returns its text
   */
  reject () {
    return this.#take(({ state }) => state === 'sending') ?? ''
  }

  /**
   * Gives up what is in one of these states.
   * @param {State[]} states
   * @returns the texts
   */
  giveUp (...states) {
    const texts = []
    for (let text; (text = this.#take(({ state }) => states.includes(state))) !== undefined;) texts.push(text)
    return texts
  }

  /**
   * Removes the first one of a kind.
   * @param {(entry: Unsent) => boolean} isIt
   */
  #take (isIt) {
    const at = this.#entries.findIndex(isIt)
    if (at === -1) return undefined
    const [entry] = this.#entries.splice(at, 1)
    entry?.item.remove()
    return entry?.text
  }

  /**
   * @param {State} from
   * @param {State} to
   */
  #markAll (from, to) {
    for (const entry of this.#entries) if (entry.state === from) mark(entry, to)
  }
}

/**
 * @param {Unsent} entry
 * @param {State} state
 */
function mark (entry, state) {
  entry.state = state
  entry.item.dataset['unsent'] = state
  part(entry.item, '.byline').textContent = LABELS[state]
}
