import { durationText, hexOf, sizeText } from '../page/bytes.js'
import { pretty } from '../page/draft.js'
import type { Frame } from '../page/frames.js'
import { joined } from '../page/text.js'
import { beginAnswer, edit, sendAgain } from './composer.js'
import { state } from './connection.js'
import { button, make, page, replaceChildren } from './element.js'

/** The chosen frame as a whole, and the things that can be done with it. */

const MAX_BYTES = 4096
export const ARROWS = { sent: '→', received: '←', connection: '•' } as const

page.body.onkeydown = ({ key }) => { if (key === 'Escape') page.list.focus() }

export function showDetail (frame: Frame | undefined): void {
  page.detail.hidden = !frame
  if (!frame) return
  const { at, direction, type, text, bytes, size, question, waitedMs } = frame
  page.detailTitle.textContent = `${ARROWS[direction]} ${type}`
  page.detailWords.textContent = joined(
    ' · ',
    timeText(at),
    size !== undefined && sizeText(size),
    question && `ref ${question.ref}`,
    waitedMs !== undefined && `${durationText(waitedMs)} after ${question!.type}`
  )
  page.body.textContent = bytes ? hexOf(bytes, MAX_BYTES) : pretty(text)
  const isOpen = state === 'open'
  const isSent = direction === 'sent'
  replaceChildren(
    page.actions,
    isOpen && question?.isOpen && !question.isOurs && !isSent && button('Answer', () => beginAnswer(question)),
    isOpen && isSent && button('Send again', () => sendAgain(frame)),
    isSent && !bytes && button('Edit', () => edit(`sent ${type}`, text)),
    bytes && button('Save as a file', () => save(bytes))
  )
}

// The URL of the file is made, and gone, with the click.
function save (bytes: Uint8Array<ArrayBuffer>): void {
  const href = URL.createObjectURL(new Blob([bytes]))
  make('a', { href, download: 'frame.bin' }).click()
  URL.revokeObjectURL(href)
}

export function timeText (at: number): string {
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(11, 23)
}
