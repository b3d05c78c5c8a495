import { CANCEL, ERROR, HAS_BINARY, NEXT } from '../../protocol.js'
import { isRecord } from '../../record.js'
import { attempt } from './attempt.js'
import { digitsOf } from './bytes.js'
import { recordOf } from './references.js'
import { textOf } from './text.js'

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
  readonly bytes?: Bytes
  /** In bytes. */
  readonly size?: number
  readonly question?: Question | undefined
  /** Since the question, of an answer. */
  readonly waitedMs?: number | undefined
  readonly isError?: boolean
}

/** The part of a route that a log needs. */
export interface Vocabulary {
  readonly discriminator: string
  readonly isTyped: boolean
}

type Bytes = Uint8Array<ArrayBuffer>

export const MAX_FRAMES = 2000

/** The last frames of a route, and the questions that are not answered yet. */
export interface FrameLog {
  readonly frames: Frame[]
  /** Frames that were left out because they were too old. */
  dropped: number
  /** A free `ref`. */
  nextRef: number
  /** A new connection, or its end: no question of the one before is answered any more. */
  open: (vocabulary: Vocabulary) => void
  clear: () => void
  /** Those that are not answered yet. */
  questions: () => Question[]
  /** Takes a frame; its text is a line about the connection, where no side has sent it. */
  add: (frame: Frame) => Frame
  message: (direction: 'sent' | 'received', data: string | Bytes, at: number) => Frame
}

export function createLog (): FrameLog {
  // By the asking side and the ref.
  const questions = new Map<string, Question>()
  let vocabulary: Vocabulary
  // The event whose bytes come next.
  let announced = ''
  const log: FrameLog = {
    frames: [],
    dropped: 0,
    nextRef: 1,
    open (opened) {
      for (const question of questions.values()) question.isOpen = false
      questions.clear()
      announced = ''
      vocabulary = opened
    },
    clear () {
      log.frames.length = log.dropped = 0
    },
    questions: () => [...questions.values()].filter(({ isOpen }) => isOpen),
    add (frame) {
      if (log.frames.push(frame) > MAX_FRAMES) {
        log.frames.shift()
        log.dropped++
      }
      return frame
    },
    message (direction, data, at) {
      const isSent = direction === 'sent'
      const text = !isSent && announced && `The bytes of ${announced}`
      announced = ''
      if (typeof data !== 'string') return log.add({ at, direction, type: 'binary', text: text || '', bytes: data, size: data.length })
      const message = recordOf(parsed(data))
      const type = textOf(message[vocabulary.discriminator]) || '?'
      if (!isSent && message[HAS_BINARY] === true) announced = type
      const question = questionOf(isSent, type, message['ref'], at)
      const waitedMs = question && question.isOurs !== isSent ? at - question.at : undefined
      return log.add({ at, direction, type, text: data, size: new Blob([data]).size, question, waitedMs, isError: type === ERROR })
    }
  }
  return log

  // The asking side counts the refs; its `$cancel` ends a question as an answer does.
  function questionOf (isSent: boolean, type: string, ref: unknown, at: number): Question | undefined {
    if (typeof ref !== 'number') return
    const { isTyped } = vocabulary
    const isCancel = isTyped && type === CANCEL
    const isAnswer = !isCancel && (isTyped ? type.startsWith('$') : questions.get(`${!isSent} ${ref}`)?.isOpen === true)
    const isOurs = isSent !== isAnswer
    const key = `${isOurs} ${ref}`
    if (isAnswer || isCancel) {
      const known = questions.get(key)
      if (known && type !== NEXT) known.isOpen = false
      return known
    }
    if (isSent) log.nextRef = Math.max(log.nextRef, ref + 1)
    const question = { ref, type, isOurs, at, isOpen: true }
    questions.set(key, question)
    return question
  }
}

/** The JSON value in a text, if there is one. */
export function parsed (text: string): unknown {
  return attempt(() => JSON.parse(text) as unknown, undefined)
}

/** The text with another `ref`, or none, behind the property that names the message. */
export function withRef (text: string, ref?: number): string {
  const message = parsed(text)
  if (!isRecord(message)) return text
  const { ref: _, ...rest } = message
  const entries = Object.entries(rest)
  entries.splice(1, 0, ['ref', ref])
  return JSON.stringify(Object.fromEntries(entries))
}

/** A frame as a line of JSON. */
export function lineOf ({ at, direction, type, text, bytes }: Frame): string {
  const hex = bytes && Array.from(bytes, (byte) => digitsOf(byte)).join('')
  const content = direction === 'connection' ? { type, text } : bytes ? { hex } : { data: parsed(text) ?? text }
  return JSON.stringify({ time: new Date(at), direction, ...content })
}
