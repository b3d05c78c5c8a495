import { CANCEL, PING } from '../../protocol.js'
import { bytesOf } from '../page/bytes.js'
import { answerTo, ANY_BYTES, ANY_TEXT, draftOf, finished, hintsAbout, type Subject } from '../page/draft.js'
import { withRef, type Frame, type Question } from '../page/frames.js'
import { typeTextOf } from '../page/typescript.js'
import { log, send, state } from './connection.js'
import { button, fill, make, onSubmit, page } from './element.js'
import { api, route } from './route-form.js'

/** The message that is written: its text, hints, type and bytes. */

// Texts that were begun.
const drafts = new Map<Subject, string>()
// The rows of the questions that wait.
const waiting = new Map<Question, HTMLElement>()
let subject = ANY_TEXT
let answer: Subject | undefined
// The message that is written on after an answer.
let before = ''

page.message.onchange = () => choose(page.message.value)
page.text.oninput = showHints
page.sample.onclick = () => write(draftOf(subject, api.resolve))
page.ping.onclick = () => say(PING)
page.composer.onkeydown = ({ key, ctrlKey, metaKey }) => {
  if (key === 'Enter' && (ctrlKey || metaKey)) page.composer.requestSubmit()
}
onSubmit(page.composer, page.sendProblem, async () => {
  const [file] = page.file.files!
  const bytes = page.binary.hidden ? [] : [file ? new Uint8Array(await file.arrayBuffer()) : bytesOf(page.hex.value)]
  send(...page.json.hidden ? [] : [finished(page.text.value, subject, route, log.nextRef)], ...bytes)
  page.file.value = ''
})

/** Begins anew, with the messages of a route. */
export function showRoute (): void {
  drafts.clear()
  choose(page.message.value)
}

/** Takes a text over, of a frame or of a prepared message. */
export function edit (message: string, text: string): void {
  choose(message)
  write(text)
  page.text.focus()
}

/** The same frame once more; a question gets a `ref` of its own. */
export function sendAgain ({ text, bytes, question }: Frame): void {
  send(bytes ?? (question?.isOurs && route.isTyped ? withRef(text, log.nextRef) : text))
}

/** Begins an answer to a call of the server's. */
export function beginAnswer (question: Question): void {
  if (!answer) before = page.message.value
  answer = answerTo(question, route)
  choose(answer.key)
  page.text.focus()
}

/** Shows the state of the connection, and the questions that wait for an answer. */
export function showQuestions (): void {
  page.send.disabled = state !== 'open'
  page.ping.disabled = page.send.disabled || !route.isTyped
  const questions = log.questions().filter(({ isOurs }) => !isOurs || route.isTyped)
  // The rows of earlier ones stay as they are: one of them may have the focus.
  for (const [question, row] of waiting) {
    if (questions.includes(question)) continue
    row.remove()
    waiting.delete(question)
    // The message from before is written on.
    if (question === answer?.question) choose(before)
  }
  for (const question of questions) if (!waiting.has(question)) wait(question)
}

function wait (question: Question): void {
  const { type, ref, isOurs } = question
  const [arrow, action] = isOurs
    ? ['→', button('Cancel', () => say(CANCEL, ref))]
    : ['←', button('Answer', () => beginAnswer(question))]
  const row = make('li', { className: 'row' }, `${arrow} ${type} #${ref}`, action)
  waiting.set(question, row)
  page.open.append(row)
}

// A message of the protocol itself.
function say (type: string, ref?: number): void {
  send(JSON.stringify({ [route.discriminator]: type, ref }))
}

// Any other choice than the answer ends it.
function choose (wanted: string): void {
  drafts.set(subject, page.text.value)
  if (wanted !== answer?.key) answer = undefined
  const sent = route.messages.filter(({ isSent }) => isSent)
  const subjects = [...answer ? [answer] : [], ...sent, ...sent.some(({ kind }) => kind === 'binary') ? [] : [ANY_BYTES], ANY_TEXT]
  subject = subjects.find(({ key }) => key === wanted) ?? subjects[0]!
  const { key, name, kind, schema, hasBinary, words = '' } = subject
  fill(page.message, subjects.map(({ key, name, kind }) => [key, name, kind]))
  page.message.value = key
  page.json.hidden = kind === 'binary'
  page.binary.hidden = kind !== 'binary' && !hasBinary
  page.schema.hidden = kind === 'binary' || schema === true
  page.messageWords.textContent = words
  page.type.textContent = typeTextOf(name, schema, api.resolve)
  write(drafts.get(subject) ?? draftOf(subject, api.resolve))
}

function write (text: string): void {
  page.text.value = text
  showHints()
}

function showHints (): void {
  const hints = hintsAbout(page.text.value, subject, route, api.resolve)
  page.hints.replaceChildren(...hints.map(({ path, text }) => make('li', {}, make('code', {}, path || 'It'), ` ${text}`)))
}
