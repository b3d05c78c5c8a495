import { CANCEL, PING, REPLY } from '../../protocol.js'
import { bytesOf } from '../page/bytes.js'
import type { Api, Message, Route } from '../page/document.js'
import { ANY_TEXT, draftOf, finished, hintsAbout, type Subject } from '../page/draft.js'
import { withRef, type Frame, type Question } from '../page/frames.js'
import { typeTextOf } from '../page/typescript.js'
import type { Connection } from './connection.js'
import { byId, button, fill, make, batched } from './element.js'

const GROUPS: Readonly<Record<Message['kind'], string>> = { event: 'Events', call: 'Calls', stream: 'Streams', binary: 'Binary' }
// Of the choices that are none of the contract's messages.
const ANSWER = 'answer'
const BINARY = 'binary'

/** The message that is written: its text, hints, type and bytes. */
export class Composer {
  readonly #api: Api
  readonly #connection: Connection
  readonly #select = byId<HTMLSelectElement>('message')
  readonly #text = byId<HTMLTextAreaElement>('text')
  readonly #hint: () => void = batched(() => this.#showHints())
  // Texts that were begun.
  readonly #drafts = new Map<Subject, string>()
  readonly #waiting = new Map<Question, HTMLElement>()
  #route: Route
  #subject: Subject = ANY_TEXT
  #answering: Subject | undefined
  // The message that is written on after an answer.
  #before = ''

  constructor (api: Api, connection: Connection) {
    this.#api = api
    this.#connection = connection
    this.#route = api.routes[0]!
    this.#select.onchange = () => this.#choose(this.#select.value)
    this.#text.oninput = () => this.#hint()
    byId('composer').onsubmit = (event) => {
      event.preventDefault()
      void this.#send()
    }
    byId('composer').onkeydown = (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId<HTMLFormElement>('composer').requestSubmit()
    }
    byId('sample').onclick = () => this.#write(draftOf(this.#subject, api.references))
    byId('ping').onclick = () => this.#say(PING)
  }

  setRoute (route: Route): void {
    this.#route = route
    this.#drafts.clear()
    this.#choose(this.#select.value)
  }

  /** The message and the text that are written. */
  get current (): { message: string, text: string } {
    return { message: this.#select.value, text: this.#text.value }
  }

  /** Takes a text over, of a frame or of a prepared message. */
  edit (message: string, text: string): void {
    this.#choose(message)
    this.#write(text)
    this.#text.focus()
  }

  /** The same frame once more; a question gets a `ref` of its own. */
  sendAgain ({ text, bytes, question }: Frame): void {
    const isOurs = question?.isOurs === true && this.#route.isTyped
    this.#connection.send(bytes ?? (isOurs ? withRef(text, this.#connection.log.takeRef()) : text))
  }

  /** Begins an answer to a call of the server's. */
  answer (question: Question): void {
    const answers = this.#route.messages.find(({ isSent, name }) => !isSent && name === question.type)?.answers ?? []
    const plain = { name: REPLY, schema: true, examples: [{ [this.#route.discriminator]: REPLY, data: null }] }
    const answer = answers.find(({ name }) => name === REPLY) ?? answers[0] ?? plain
    if (this.#answering === undefined) this.#before = this.#select.value
    this.#choose(ANSWER, { ...answer, question })
    this.#text.focus()
  }

  /** Shows the state of the connection, and the questions that wait for an answer. */
  showState (): void {
    const isOpen = this.#connection.state === 'open'
    byId<HTMLButtonElement>('send').disabled = !isOpen
    byId<HTMLButtonElement>('ping').disabled = !isOpen || !this.#route.isTyped
    const questions = this.#connection.log.questions().filter(({ isOurs }) => !isOurs || this.#route.isTyped)
    // The rows of earlier ones stay as they are: one of them may have the focus.
    for (const [question, row] of this.#waiting) {
      if (questions.includes(question)) continue
      row.remove()
      this.#waiting.delete(question)
      // The message from before is written on.
      if (question === this.#answering?.question) this.#choose(this.#before)
    }
    for (const question of questions) if (!this.#waiting.has(question)) this.#wait(question)
  }

  #wait (question: Question): void {
    const { type, ref, isOurs } = question
    const row = make(
      'li',
      {},
      make('span', {}, isOurs ? '→ ' : '← ', make('b', {}, type), ` ref ${ref} ${isOurs ? 'runs' : 'waits for your answer'}`),
      isOurs ? button('Cancel', () => this.#say(CANCEL, ref)) : button('Answer', () => this.answer(question))
    )
    this.#waiting.set(question, row)
    byId('open').append(row)
  }

  // A message of the protocol itself.
  #say (type: string, ref?: number): void {
    this.#connection.send(JSON.stringify({ [this.#route.discriminator]: type, ref }))
  }

  #choose (key: string, answering?: Subject): void {
    this.#drafts.set(this.#subject, this.#text.value)
    this.#answering = answering
    const question = answering?.question
    const sent = this.#route.messages.filter(({ isSent }) => isSent)
    fill(this.#select, [
      ...question === undefined ? [] : [[ANSWER, `Answer to ${question.type}, ref ${question.ref}`, 'Answers'] as const],
      ...sent.map(({ key, name, kind }) => [key, name, GROUPS[kind]] as const),
      ['text', 'any text', 'Other'],
      ...sent.some(({ kind }) => kind === 'binary') ? [] : [[BINARY, 'binary frame', 'Other'] as const]
    ])
    this.#select.value = key
    // Of a route that has no such message.
    if (this.#select.selectedIndex < 0) this.#select.selectedIndex = 0
    this.#show(sent.find(({ key }) => key === this.#select.value))
  }

  #show (message: Message | undefined): void {
    this.#subject = this.#answering ?? message ?? ANY_TEXT
    const isBinary = this.#select.value === BINARY || message?.kind === 'binary'
    byId('json').hidden = isBinary
    byId('binary').hidden = !isBinary && message?.hasBinary !== true
    byId('schema').hidden = isBinary || this.#subject === ANY_TEXT
    const { words = '', isDeprecated = false } = message ?? {}
    const mark = isDeprecated && !/deprecated/i.test(words) ? 'Deprecated. ' : ''
    byId('message-words').textContent = this.#answering === undefined ? mark + words : 'The server waits for this answer.'
    byId('type').textContent = typeTextOf(message?.name ?? ANSWER, this.#subject.schema, this.#api.references)
    this.#write(this.#drafts.get(this.#subject) ?? draftOf(this.#subject, this.#api.references))
  }

  #write (text: string): void {
    this.#text.value = text
    this.#showHints()
  }

  #showHints (): void {
    const hints = hintsAbout(this.#text.value, this.#subject, this.#route, this.#api.references)
    byId('hints').replaceChildren(...hints.map(({ path, text }) => make('li', {}, make('code', {}, path || 'It'), ` ${text}`)))
  }

  async #send (): Promise<void> {
    const { log } = this.#connection
    const text = byId('json').hidden ? [] : [finished(this.#text.value, this.#subject, this.#route, () => log.takeRef())]
    byId('hex-problem').textContent = ''
    try {
      this.#connection.send(...text, ...byId('binary').hidden ? [] : [await readBytes()])
      byId<HTMLInputElement>('file').value = ''
    } catch (error) {
      byId('hex-problem').textContent = (error as Error).message
    }
  }
}

async function readBytes (): Promise<Uint8Array<ArrayBuffer>> {
  const file = byId<HTMLInputElement>('file').files?.[0]
  return file === undefined ? bytesOf(byId<HTMLTextAreaElement>('hex').value) : new Uint8Array(await file.arrayBuffer())
}
