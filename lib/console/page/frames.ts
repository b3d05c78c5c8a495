import { CANCEL, DONE, ERROR, HAS_BINARY, REPLY } from '../../protocol.js'
import { isRecord } from '../../record.js'
import { digitsOf } from './bytes.js'

/** A call, a stream, or a call of the server's, with its answers. */
export interface Question {
  readonly ref: number
  readonly type: string
  readonly isOurs: boolean
  readonly at: number
  isOpen: boolean
}

/** A message that was sent or received, or a change of the connection. */
export interface Frame {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly direction: 'sent' | 'received' | 'connection'
  readonly type: string
  readonly text: string
  readonly bytes: Uint8Array<ArrayBuffer> | undefined
  /** In bytes. */
  readonly size: number
  readonly question: Question | undefined
  /** Since the question, of an answer. */
  readonly waitedMs: number | undefined
  readonly isError: boolean
}

/** The part of a route that a log needs. */
export interface Vocabulary {
  readonly discriminator: string
  readonly isTyped: boolean
}

export const MAX_FRAMES = 2000
const ENDS: readonly string[] = [REPLY, DONE, ERROR]
const encoder = new TextEncoder()

/** The last frames of a route, and the questions that are not answered yet. */
export class FrameLog {
  readonly frames: Frame[] = []
  /** Frames that were left out because they were too old. */
  dropped = 0
  #vocabulary: Vocabulary = { discriminator: 'type', isTyped: true }
  #ours = new Map<number, Question>()
  #theirs = new Map<number, Question>()
  #nextRef = 1
  // The event whose bytes come next.
  #announced: string | undefined

  /** A new connection: no question of the one before is answered any more. */
  open (vocabulary: Vocabulary): void {
    this.#vocabulary = vocabulary
    this.close()
  }

  close (): void {
    for (const question of this.questions()) question.isOpen = false
    this.#ours.clear()
    this.#theirs.clear()
    this.#announced = undefined
  }

  clear (): void {
    this.frames.length = 0
    this.dropped = 0
  }

  /** A free `ref`. */
  takeRef (): number {
    while (this.#ours.get(this.#nextRef)?.isOpen === true) this.#nextRef++
    return this.#nextRef++
  }

  /** Those that are not answered yet. */
  questions (): Question[] {
    return [...this.#ours.values(), ...this.#theirs.values()].filter(({ isOpen }) => isOpen)
  }

  /** A line about the connection itself. */
  note (type: string, text: string, at: number, isError = false): Frame {
    return this.#add({ at, direction: 'connection', type, text, isError })
  }

  sent (data: string | Uint8Array<ArrayBuffer>, at: number): Frame {
    return this.#message('sent', data, at)
  }

  received (data: string | Uint8Array<ArrayBuffer>, at: number): Frame {
    return this.#message('received', data, at)
  }

  #message (direction: 'sent' | 'received', data: string | Uint8Array<ArrayBuffer>, at: number): Frame {
    if (typeof data !== 'string') return this.#binary(direction, data, at)
    const message = parsed(data)
    const named = message?.[this.#vocabulary.discriminator]
    const type = typeof named === 'string' ? named : '?'
    this.#announced = direction === 'received' && message?.[HAS_BINARY] === true ? type : undefined
    const question = this.#questionOf(direction, type, message?.['ref'], at)
    const isAnswer = question !== undefined && question.isOurs === (direction === 'received')
    return this.#add({
      at,
      direction,
      type,
      text: data,
      size: encoder.encode(data).length,
      question,
      waitedMs: isAnswer ? at - question.at : undefined,
      isError: type === ERROR
    })
  }

  #binary (direction: 'sent' | 'received', bytes: Uint8Array<ArrayBuffer>, at: number): Frame {
    const text = direction === 'received' && this.#announced !== undefined ? `The bytes of ${this.#announced}` : ''
    this.#announced = undefined
    return this.#add({ at, direction, type: 'binary', text, bytes, size: bytes.length })
  }

  // The asking side counts the refs; its `$cancel` ends a question as an answer does.
  #questionOf (direction: 'sent' | 'received', type: string, ref: unknown, at: number): Question | undefined {
    if (typeof ref !== 'number') return undefined
    const isSent = direction === 'sent'
    const [own, others] = isSent ? [this.#ours, this.#theirs] : [this.#theirs, this.#ours]
    const { isTyped } = this.#vocabulary
    const isAnswer = isTyped ? type.startsWith('$') && type !== CANCEL : others.get(ref)?.isOpen === true
    const known = (isAnswer ? others : own).get(ref)
    if (isAnswer || (isTyped && type === CANCEL)) {
      if (known !== undefined && (!isTyped || !isAnswer || ENDS.includes(type))) known.isOpen = false
      return known
    }
    const question = { ref, type, isOurs: isSent, at, isOpen: true }
    own.set(ref, question)
    return question
  }

  #add (frame: Pick<Frame, 'at' | 'direction' | 'type' | 'text'> & Partial<Frame>): Frame {
    const added = { bytes: undefined, size: 0, question: undefined, waitedMs: undefined, isError: false, ...frame }
    this.frames.push(added)
    if (this.frames.length > MAX_FRAMES) this.dropped += this.frames.splice(0, this.frames.length - MAX_FRAMES).length
    return added
  }
}

/** The JSON object in a text, if there is one. */
export function parsed (text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The text with another `ref`, or none, behind the property that names the message. */
export function withRef (text: string, ref: number | undefined): string {
  const message = parsed(text)
  if (message === undefined) return text
  const { ref: _, ...rest } = message
  const entries = Object.entries(rest)
  return JSON.stringify(Object.fromEntries([...entries.slice(0, 1), ['ref', ref], ...entries.slice(1)]))
}

/** A frame as a line of JSON. */
export function lineOf ({ at, direction, type, text, bytes }: Frame): string {
  const time = new Date(at).toISOString()
  if (direction === 'connection') return JSON.stringify({ time, direction, type, text })
  if (bytes !== undefined) return JSON.stringify({ time, direction, hex: Array.from(bytes, digitsOf).join('') })
  return JSON.stringify({ time, direction, data: parsed(text) ?? text })
}
