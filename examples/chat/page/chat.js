// @ts-check
import { Composer } from './composer.js'
import { Connection } from './connection.js'
import { part } from './element.js'
import { Log } from './log.js'
import { Notice } from './notice.js'
import { People } from './people.js'

/**
 * @typedef {import('../contract.js').Entry} Entry
 * @typedef {import('../contract.js').Image} Image
 * @typedef {import('../contract.js').Message} Message
 * @typedef {import('../contract.js').Person} Person
 */

const SIGNED_OUT = [4401, 4501]

const connection = new Connection(window.location.href.replace(/^http/, 'ws').replace(/[?#].*$/, ''), { onState, onMessage, onBinary, isAdmitted })
const composer = new Composer({ onText, onImage, onProblem: (title, text) => notice.showToast(title, text) })
const notice = new Notice(() => connection.open())
const log = new Log()
const people = new People()

/** @type {Image | undefined} */
let announced
/** Sent and not answered yet, by a message or by an `$error`, which come in the same order. @type {string[]} */
const unanswered = []
let sent = 0
let me = ''

/** @type {Record<string, (message: any) => void>} */
const on = {
  /** @param {{ you: Person, people: Person[], lastVisit?: number }} message */
  present ({ you, people: others, lastVisit }) {
    me = you.id
    log.setMe(you.id)
    people.replace(others, you)
    showLastVisit(lastVisit)
  },

  /** @param {Person} person */
  joined: (person) => people.add(person),

  /** @param {Person} person */
  left: (person) => people.remove(person),

  /** @param {Message} message */
  message (message) {
    if (message.from === me && message.text === unanswered[0]) unanswered.shift()
    log.addMessage(message)
  },

  /** @param {Image} image */
  image (image) {
    announced = image
  },

  /** @param {{ received?: string, statusCode: number, code?: string, message: string }} error */
  $error ({ received, statusCode, code = '', message }) {
    if (received === 'message') composer.restore(unanswered.shift() ?? '')
    notice.showToast('Not sent.', message, `${statusCode} ${code}`)
  }
}

connection.open()

/** @param {import('./connection.js').Message} message */
function onMessage (message) {
  on[message.type]?.(message)
}

/** @param {ArrayBuffer} data */
function onBinary (data) {
  if (announced === undefined) return
  log.addImage(announced, URL.createObjectURL(new Blob([data], { type: announced.mime })))
  announced = undefined
}

/** @param {import('./connection.js').Change} change */
function onState (change) {
  notice.showState(change)
  composer.enable(change.state === 'open')
  if (change.state === 'open') catchUp()
  else composer.restore(unanswered.splice(0).join('\n'))
  if (change.state === 'closed' && SIGNED_OUT.includes(change.code ?? 0)) window.location.assign('/sign-in')
}

// Not signed in any more is answered by a redirect; a server that is away says nothing of the kind.
async function isAdmitted () {
  const response = await fetch('/chat', { redirect: 'manual', cache: 'no-store' }).catch(() => undefined)
  return response?.type !== 'opaqueredirect'
}

/** What was said before, or while the connection was lost. */
async function catchUp () {
  /** @type {Entry[]} */
  const entries = await connection.call('history', { since: log.newestDate }).catch(() => [])
  for (const entry of entries) {
    if ('text' in entry) log.addMessage(entry)
    else log.addImage(entry, `/chat/images/${entry.id}`)
  }
  log.settle()
}

/** @param {string} text */
function onText (text) {
  unanswered.push(text)
  connection.send('message', { text, id: String(++sent), date: Date.now() })
}

/** @param {Blob} image */
function onImage (image) {
  connection.sendBinary(image)
}

/** @param {number} [date] */
function showLastVisit (date) {
  const line = part(document, '#last-visit')
  if (date === undefined || line.textContent !== '') return
  line.hidden = false
  line.textContent = `Your last visit: ${new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(date)}`
}
