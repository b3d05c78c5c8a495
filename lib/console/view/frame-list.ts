import { durationText, hexOf, sizeText } from '../page/bytes.js'
import { MAX_FRAMES, type Frame } from '../page/frames.js'
import { byId, make, batched } from './element.js'

const ROW_PX = 30
const ARROWS = { sent: '→', received: '←', connection: '•' } as const

/** The frames as rows, of which the browser draws those in sight (`content-visibility`). */
export class FrameList {
  readonly #list = byId('list')
  // The first frames of those below; the others wait for the next animation frame.
  readonly #rows = byId('rows')
  readonly #onSelect: (frame: Frame | undefined) => void
  readonly #draw: () => void = batched(() => this.#addRows())
  #test: (frame: Frame) => boolean = () => true
  #frames: Frame[] = []
  #selected: Frame | undefined
  #nextId = 1
  // The end stays in sight while the person is there.
  #follows = true

  constructor (onSelect: (frame: Frame | undefined) => void) {
    this.#onSelect = onSelect
    this.#list.onclick = ({ target }) => {
      const row = (target as Element).closest('[role=option]')
      if (row !== null) this.select(this.#frames[[...this.#rows.children].indexOf(row)])
    }
    this.#list.onkeydown = (event) => this.#key(event)
    this.#list.onscroll = () => {
      const { scrollTop, clientHeight, scrollHeight } = this.#list
      this.#follows = scrollTop + clientHeight >= scrollHeight - ROW_PX
    }
    new ResizeObserver(() => this.#follow()).observe(this.#list)
  }

  get frames (): readonly Frame[] {
    return this.#frames
  }

  /** Shows other frames, from the first. */
  show (frames: readonly Frame[], test: (frame: Frame) => boolean): void {
    this.#test = test
    this.#frames = frames.filter(test)
    this.#rows.replaceChildren()
    if (this.#selected !== undefined && !this.#frames.includes(this.#selected)) this.select(undefined)
    this.#draw()
  }

  add (frame: Frame): void {
    if (!this.#test(frame)) return
    this.#frames.push(frame)
    if (this.#frames.length > MAX_FRAMES) {
      this.#frames.shift()
      this.#rows.firstChild?.remove()
    }
    this.#draw()
  }

  select (frame: Frame | undefined): void {
    this.#selected = frame
    this.#onSelect(frame)
    this.#list.removeAttribute('aria-activedescendant')
    this.#mark(0)
  }

  #key (event: KeyboardEvent): void {
    const at = this.#selected === undefined ? -1 : this.#frames.indexOf(this.#selected)
    const last = this.#rows.childElementCount - 1
    const page = Math.max(1, Math.floor(this.#list.clientHeight / ROW_PX) - 1)
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: at + 1, ArrowUp: at < 0 ? last : at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: last
    }
    const to = steps[event.key]
    if (event.key === 'Escape') this.select(undefined)
    if (event.key === 'Enter' && at >= 0) byId('body').focus()
    if (to === undefined || last < 0) return
    event.preventDefault()
    this.select(this.#frames[Math.min(Math.max(to, 0), last)])
  }

  #addRows (): void {
    const from = this.#rows.childElementCount
    byId('empty').hidden = this.#frames.length > 0
    this.#rows.append(...this.#frames.slice(from).map((frame) => rowOf(frame, `frame-${this.#nextId++}`)))
    this.#mark(from)
    this.#follow()
  }

  #follow (): void {
    if (this.#follows) this.#list.scrollTop = this.#list.scrollHeight
  }

  // The selected row, and those of its question.
  #mark (from: number): void {
    const selected = this.#selected
    for (const [i, row] of [...this.#rows.children].slice(from).entries()) {
      const frame = this.#frames[from + i]
      row.ariaSelected = String(frame === selected)
      row.classList.toggle('lit', selected?.question !== undefined && frame?.question === selected.question)
      if (frame !== selected) continue
      row.scrollIntoView({ block: 'nearest' })
      this.#list.setAttribute('aria-activedescendant', row.id)
    }
  }
}

function rowOf (frame: Frame, id: string): HTMLElement {
  const { at, direction, type, text, bytes, size, question, waitedMs, isError } = frame
  const parts = [
    ['arrow', ARROWS[direction]],
    // For a screen reader, which reads no arrow and sees no color.
    ['out', `${direction} ${isError ? 'error ' : ''}`],
    ['type', type],
    ['ref', question === undefined ? '' : `#${question.ref}`],
    ['text', bytes === undefined || text !== '' ? text.slice(0, 400).replaceAll(/\s+/g, ' ') : hexOf(bytes, 16).slice(8)],
    ['waited', waitedMs === undefined ? '' : `+${durationText(waitedMs)}`],
    ['size', direction === 'connection' ? '' : sizeText(size)],
    ['time', timeText(at)]
  ] as const
  const row = make(
    'div',
    { id, className: `frame ${direction}${isError ? ' error' : ''}` },
    ...parts.map(([className, text]) => make('span', { className }, text))
  )
  row.role = 'option'
  return row
}

export function timeText (at: number): string {
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(11, 23)
}
