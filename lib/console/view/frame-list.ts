import { durationText, hexOf, sizeText } from '../page/bytes.js'
import { MAX_FRAMES, type Frame } from '../page/frames.js'
import { byId, make, batched } from './element.js'

const ROW_PX = 30
const MARGIN_ROWS = 6
const ARROWS = { sent: '→', received: '←', connection: '•' } as const

/** The frames in a list whose rows exist only where they are seen. */
export class FrameList {
  readonly #list = byId('list')
  readonly #rows = byId('rows')
  readonly #onSelect: (frame: Frame | undefined) => void
  readonly #elements = new Map<number, HTMLElement>()
  readonly draw: () => void = batched(() => this.#draw())
  #test: (frame: Frame) => boolean = () => true
  #frames: Frame[] = []
  #selected: Frame | undefined
  #follows = true

  constructor (onSelect: (frame: Frame | undefined) => void) {
    this.#onSelect = onSelect
    this.#list.onscroll = () => {
      this.#follows = this.#list.scrollTop + this.#list.clientHeight >= this.#list.scrollHeight - ROW_PX
      this.draw()
    }
    this.#list.onclick = ({ target }) => {
      const id = Number((target as Element).closest<HTMLElement>('[role=option]')?.dataset['id'])
      const frame = this.#frames.find((frame) => frame.id === id)
      if (frame !== undefined) this.select(frame)
    }
    this.#list.onkeydown = (event) => this.#key(event)
    new ResizeObserver(() => this.#list.clientHeight > 0 && this.draw()).observe(this.#list)
  }

  get frames (): readonly Frame[] {
    return this.#frames
  }

  /** Shows other frames, from the first. */
  show (frames: readonly Frame[], test: (frame: Frame) => boolean): void {
    this.#test = test
    this.#frames = frames.filter(test)
    if (this.#selected !== undefined && !this.#frames.includes(this.#selected)) this.select(undefined)
    this.draw()
  }

  add (frame: Frame): void {
    if (!this.#test(frame)) return
    this.#frames.push(frame)
    if (this.#frames.length > MAX_FRAMES) {
      this.#frames.shift()
      // The rows in sight stay where they are.
      if (!this.#follows) this.#list.scrollTop -= ROW_PX
    }
    this.draw()
  }

  select (frame: Frame | undefined): void {
    this.#selected = frame
    this.#onSelect(frame)
    this.draw()
  }

  #key (event: KeyboardEvent): void {
    const at = this.#selected === undefined ? -1 : this.#frames.indexOf(this.#selected)
    const last = this.#frames.length - 1
    const page = Math.max(1, Math.floor(this.#list.clientHeight / ROW_PX) - 1)
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: at + 1, ArrowUp: at < 0 ? last : at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: last
    }
    const to = steps[event.key]
    if (event.key === 'Escape') this.select(undefined)
    if (event.key === 'Enter' && at >= 0) byId('body').focus()
    if (to === undefined || last < 0) return
    event.preventDefault()
    const index = Math.min(Math.max(to, 0), last)
    this.select(this.#frames[index])
    this.#reveal(index)
  }

  #reveal (index: number): void {
    const top = index * ROW_PX
    const { scrollTop, clientHeight } = this.#list
    if (top < scrollTop) this.#list.scrollTop = top
    else if (top + ROW_PX > scrollTop + clientHeight) this.#list.scrollTop = top + ROW_PX - clientHeight
    this.#follows = index === this.#frames.length - 1
  }

  #draw (): void {
    const list = this.#list
    const count = this.#frames.length
    byId('empty').hidden = count > 0
    this.#rows.style.height = `${count * ROW_PX}px`
    if (this.#follows) list.scrollTop = list.scrollHeight
    const first = Math.max(0, Math.floor(list.scrollTop / ROW_PX) - MARGIN_ROWS)
    const seen = this.#frames.slice(first, Math.ceil((list.scrollTop + list.clientHeight) / ROW_PX) + MARGIN_ROWS)
    const ids = new Set(seen.map(({ id }) => id))
    for (const [id, element] of this.#elements) {
      if (ids.has(id)) continue
      element.remove()
      this.#elements.delete(id)
    }
    for (const [i, frame] of seen.entries()) this.#place(frame, first + i, count)
    const isSeen = this.#selected !== undefined && ids.has(this.#selected.id)
    if (isSeen) list.setAttribute('aria-activedescendant', `frame-${this.#selected!.id}`)
    else list.removeAttribute('aria-activedescendant')
  }

  #place (frame: Frame, index: number, count: number): void {
    const known = this.#elements.get(frame.id)
    const element = known ?? rowOf(frame)
    this.#elements.set(frame.id, element)
    element.style.transform = `translateY(${index * ROW_PX}px)`
    element.ariaPosInSet = String(index + 1)
    element.ariaSetSize = String(count)
    element.ariaSelected = String(frame === this.#selected)
    const question = this.#selected?.question
    element.classList.toggle('lit', question !== undefined && frame.question === question)
    // In the order of the list, for a reader that goes from one to the next.
    if (known === undefined) this.#rows.append(element)
  }
}

function rowOf (frame: Frame): HTMLElement {
  const { id, at, direction, type, text, bytes, size, question, waitedMs, isError } = frame
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
    { id: `frame-${id}`, className: `frame ${direction}${isError ? ' error' : ''}` },
    ...parts.map(([className, text]) => make('span', { className }, text))
  )
  row.role = 'option'
  row.dataset['id'] = String(id)
  return row
}

export function timeText (at: number): string {
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(11, 23)
}
