import { durationText, hexOf, sizeText } from '../page/bytes.js'
import type { Frame } from '../page/frames.js'
import type { Composer } from './composer.js'
import type { Connection } from './connection.js'
import { byId, button, make } from './element.js'
import { timeText } from './frame-list.js'

const MAX_BYTES = 4096
const ARROWS = { sent: '→ ', received: '← ', connection: '' } as const

/** The chosen frame as a whole, and the things that can be done with it. */
export class FrameDetail {
  readonly #composer: Composer
  readonly #connection: Connection

  constructor (composer: Composer, connection: Connection) {
    this.#composer = composer
    this.#connection = connection
    byId('body').onkeydown = ({ key }) => { if (key === 'Escape') byId('list').focus() }
  }

  show (frame: Frame | undefined): void {
    byId('detail').hidden = frame === undefined
    if (frame === undefined) return
    const { at, direction, type, text, bytes, size, question, waitedMs } = frame
    byId('detail-title').textContent = `${ARROWS[direction]}${type}`
    byId('detail-words').textContent = [
      timeText(at),
      direction === 'connection' ? '' : sizeText(size),
      question === undefined ? '' : `ref ${question.ref}`,
      waitedMs === undefined ? '' : `${durationText(waitedMs)} after ${question!.type}`
    ].filter((part) => part !== '').join(' · ')
    byId('body').textContent = bytes === undefined ? pretty(text) : hexOf(bytes, MAX_BYTES)
    byId('actions').replaceChildren(...this.#actions(frame))
  }

  #actions (frame: Frame): HTMLElement[] {
    const { direction, text, bytes, question, type } = frame
    const actions: HTMLElement[] = []
    const isOpen = this.#connection.state === 'open'
    if (isOpen && direction === 'received' && question?.isOpen === true && !question.isOurs) {
      actions.push(button('Answer', () => this.#composer.answer(question)))
    }
    if (isOpen && direction === 'sent') actions.push(button('Send again', () => this.#composer.sendAgain(frame)))
    if (direction === 'sent' && bytes === undefined) actions.push(button('Edit', () => this.#composer.edit(`sent ${type}`, text)))
    if (bytes !== undefined) actions.push(fileOf(bytes))
    return actions
  }
}

// The URL of the file is made, and gone, with the click.
function fileOf (bytes: Uint8Array<ArrayBuffer>): HTMLElement {
  return button('Save as a file', () => {
    const link = make('a', { href: URL.createObjectURL(new Blob([bytes])), download: 'frame.bin' })
    link.click()
    URL.revokeObjectURL(link.href)
  })
}

function pretty (text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
