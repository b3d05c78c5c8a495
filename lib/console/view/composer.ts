import { REPLY } from '../../protocol.js'
import { bytesOf } from '../page/bytes.js'
import type { Api, Message, Route } from '../page/document.js'
import { draftOf, finished, hintsAbout, schemaOf, type Answering, type Subject } from '../page/draft.js'
import { withRef, type Frame, type Question } from '../page/frames.js'
import { typeTextOf } from '../page/typescript.js'
import type { Connection } from './connection.js'
import { byId, button, fill, make, batched } from './element.js'

const GROUPS: Readonly<Record<Message['kind'], string>> = { event: 'Events', call: 'Calls', stream: 'Streams', binary: 'Binary' }

/** The message that is written: its text, hints, type and bytes. */
export class Composer {
  readonly #api: Api
  readonly #connection: Connection
  readonly #select = byId<HTMLSelectElement>('message')
  readonly #text = byId<HTMLTextAreaElement>('text')
  readonly #hint: () => void = batched(() => this.#showHints())
  // Texts that were begun, by their messages.
  readonly #drafts = new Map<Subject, string>()
  #route: Route
  #subject: Subject
  #answering: Answering | undefined
  // The message that is written on after an answer.
  #before = ''

  constructor (api: Api, connection: Connection) {
    this.#api = api
    this.#connection = connection
    this.#route = api.routes[0]!
    this.#select.onchange = () => {
      this.#answering = undefined
      this.#listMessages(this.#select.value)
      this.#show()
    }
    this.#text.oninput = () => this.#hint()
    byId('composer').onsubmit = (event) => {
      event.preventDefault()
      void this.#send()
    }
    byId('composer').onkeydown = (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId<HTMLFormElement>('composer').requestSubmit()
    }
    byId('sample').onclick = () => this.#write(draftOf(this.#subject, this.#api.references))
    byId('ping').onclick = () => connection.send(JSON.stringify({ [this.#route.discriminator]: '$ping' }))
  }

  setRoute (route: Route): void {
    this.#route = route
    this.#answering = undefined
    this.#drafts.clear()
    this.#listMessages()
    this.#show()
  }

  /** The message and the text that are written. */
  get current (): { message: string, text: string } {
    return { message: this.#select.value, text: this.#text.value }
  }

  /** Takes a text over, of a frame or of a prepared message. */
  edit (message: string, text: string): void {
    this.#answering = undefined
    this.#listMessages(message)
    this.#show()
    this.#write(text)
    this.#text.focus()
  }

  /** The same frame once more; a question gets a `ref` of its own. */
  sendAgain ({ text, bytes, question }: Frame): void {
    const isOurs = question?.isOurs === true && this.#route.isTyped
    this.#connection.send(bytes ?? (isOurs ? withRef(text, this.#connection.log.takeRef()) : text))
  }

  /** Begins an answer to a call of the server's. */
  answer ({ type, ref }: Question): void {
    const call = this.#route.messages.find((message) => !message.isSent && message.name === type)
    const answers = call?.answers ?? []
    const plain = { name: REPLY, schema: true, examples: [{ [this.#route.discriminator]: REPLY, ref, data: null }] }
    const answer = answers.find(({ name }) => name === REPLY) ?? answers[0] ?? plain
    if (this.#answering === undefined) this.#before = this.#select.value
    this.#answering = { type, ref, answer }
    this.#listMessages()
    this.#show()
    this.#text.focus()
  }

  /** Shows the state of the connection, and the questions that wait for an answer. */
  showState (): void {
    const isOpen = this.#connection.state === 'open'
    byId<HTMLButtonElement>('send').disabled = !isOpen
    byId<HTMLButtonElement>('ping').disabled = !isOpen || !this.#route.isTyped
    const questions = this.#connection.log.questions().filter(({ isOurs }) => !isOurs || this.#route.isTyped)
    // The rows of earlier ones stay as they are: one of them may have the focus.
    const list = byId('open')
    const keyOf = ({ isOurs, ref, at }: Question): string => `${isOurs} ${ref} ${at}`
    const keys = new Set(questions.map(keyOf))
    for (const item of [...list.children] as HTMLElement[]) if (!keys.delete(item.dataset['key']!)) item.remove()
    list.append(
      ...questions.filter((question) => keys.has(keyOf(question))).map((question) => this.#openQuestion(question, keyOf(question)))
    )
    if (this.#answering !== undefined && !questions.some(({ ref, isOurs }) => !isOurs && ref === this.#answering?.ref)) this.#endAnswer()
  }

  #openQuestion (question: Question, key: string): HTMLElement {
    const { type, ref, isOurs } = question
    const item = make(
      'li',
      {},
      make('span', {}, isOurs ? '→ ' : '← ', make('b', {}, type), ` ref ${ref} ${isOurs ? 'runs' : 'waits for your answer'}`)
    )
    item.dataset['key'] = key
    item.append(isOurs ? button('Cancel', () => this.cancel(question)) : button('Answer', () => this.answer(question)))
    return item
  }

  cancel ({ ref }: Question): void {
    this.#connection.send(JSON.stringify({ [this.#route.discriminator]: '$cancel', ref }))
  }

  // The message before it is written on, and judged by its own schema.
  #endAnswer (): void {
    this.#answering = undefined
    this.#listMessages(this.#before)
    this.#show()
  }

  #listMessages (chosen = this.#select.value): void {
    const sent = this.#route.messages.filter(({ isSent }) => isSent)
    const options = sent.map(({ key, name, kind }) => [key, name, GROUPS[kind]] as const)
    if (this.#answering !== undefined) {
      fill(this.#select, [
        ['', `Answer to ${this.#answering.type}, ref ${this.#answering.ref}`, 'Answers'],
        ...options
      ])
    } else {
      fill(this.#select, [
        ...options,
        ...sent.some(({ kind }) => kind === 'binary') ? [] : [['binary', 'binary frame', 'Binary'] as const],
        ['', 'any text', 'Other']
      ])
    }
    const isThere = options.some(([key]) => key === chosen)
    this.#select.value = this.#answering !== undefined ? '' : isThere || chosen === 'binary' ? chosen : options[0]?.[0] ?? ''
  }

  #show (): void {
    if (this.#subject !== undefined) this.#drafts.set(this.#subject, this.#text.value)
    const key = this.#select.value
    const message = this.#route.messages.find((message) => message.isSent && message.key === key)
    this.#subject = this.#answering ?? message
    const isBinary = key === 'binary' || message?.kind === 'binary'
    byId('json').hidden = isBinary
    byId('binary').hidden = !isBinary && message?.hasBinary !== true
    byId('schema').hidden = isBinary || this.#subject === undefined
    const words = [message?.isDeprecated === true && !/deprecated/i.test(message.words) ? 'Deprecated.' : '', message?.words ?? '']
    byId('message-words').textContent = this.#answering === undefined ? words.join(' ').trim() : 'The server waits for this answer.'
    const type = this.#answering === undefined ? message?.name ?? '' : `${this.#answering.type} reply`
    byId('type').textContent = isBinary ? '' : typeTextOf(type, schemaOf(this.#subject), this.#api.references)
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
    const isText = !byId('json').hidden
    const hasBytes = !byId('binary').hidden
    byId('hex-problem').textContent = ''
    let bytes: Uint8Array<ArrayBuffer> | undefined
    try {
      if (hasBytes) bytes = await readBytes()
    } catch (error) {
      byId('hex-problem').textContent = (error as Error).message
      return
    }
    const text = isText ? [finished(this.#text.value, this.#subject, this.#route, () => this.#connection.log.takeRef())] : []
    this.#connection.send(...text, ...bytes === undefined ? [] : [bytes])
    byId<HTMLInputElement>('file').value = ''
  }
}

async function readBytes (): Promise<Uint8Array<ArrayBuffer>> {
  const file = byId<HTMLInputElement>('file').files?.[0]
  return file === undefined ? bytesOf(byId<HTMLTextAreaElement>('hex').value) : new Uint8Array(await file.arrayBuffer())
}
