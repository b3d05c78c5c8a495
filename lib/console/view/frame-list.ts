import { durationText, hexOf, sizeText } from '../page/bytes.js'
import { testOf } from '../page/filter.js'
import { lineOf, MAX_FRAMES, type Frame } from '../page/frames.js'
import { joined } from '../page/text.js'
import { log } from './connection.js'
import { fill, make, page } from './element.js'
import { ARROWS, showDetail, timeText } from './frame-detail.js'
import { route } from './route-form.js'

/**
 * The frames as rows, of which the browser draws those in sight (`content-visibility`); their
 * filters, and the buttons above them.
 */

const ROW_PX = 30
// Rows of a step.
const PAGE = 8
let test: (frame: Frame) => boolean
// The first of them have rows; the others wait for `draw`.
let frames: Frame[] = []
let selected: Frame | undefined
// The end stays in sight while the person is there.
let follows = true
let nextId = 1
let isPaused = false
let waiting = 0

for (const input of [page.search, page.direction, page.ofType, page.pings]) input.oninput = filter
page.pause.onclick = () => {
  isPaused = !isPaused
  page.pause.textContent = isPaused ? 'Resume' : 'Pause'
  filter()
}
page.copy.onclick = () => {
  document.oncopy = (event) => {
    event.preventDefault()
    event.clipboardData!.setData('text/plain', frames.map(lineOf).join('\n'))
  }
  // Without HTTPS a page has no other clipboard.
  page.told.textContent = `${document.execCommand('copy') ? 'Copied' : 'Not copied'}: ${frames.length} frames`
  document.oncopy = null
}
page.clear.onclick = () => {
  log.clear()
  filter()
}
page.list.onclick = ({ target }) => {
  const row = (target as Element).closest('.frame')
  if (row) select(frames[[...page.rows.children].indexOf(row)])
}
page.list.onkeydown = (event) => {
  const at = frames.indexOf(selected!)
  const last = page.rows.childElementCount - 1
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: at + 1, ArrowUp: at < 0 ? last : at - 1, PageDown: at + PAGE, PageUp: at - PAGE, Home: 0, End: last
  }
  const to = steps[event.key]
  if (event.key === 'Escape') select(undefined)
  if (event.key === 'Enter' && selected) page.body.focus()
  if (to === undefined) return
  event.preventDefault()
  select(frames[Math.min(Math.max(to, 0), last)])
}
page.list.onscroll = () => {
  const { scrollTop, clientHeight, scrollHeight } = page.list
  follows = scrollTop + clientHeight >= scrollHeight - ROW_PX
}
new ResizeObserver(follow).observe(page.list)

/** Begins anew, with the types of a route. */
export function showTypes (): void {
  const types = new Set([...route.messages.map(({ name, kind }) => kind === 'binary' ? kind : name), '$error'])
  fill(page.ofType, [['', 'All types'], ...Array.from(types, (type) => [type, type] as const)])
  filter()
}

/** Takes a new frame; its row is made by `draw`. */
export function add (frame: Frame): void {
  if (isPaused) waiting++
  else if (test(frame)) {
    frames.push(frame)
    if (frames.length > MAX_FRAMES) {
      frames.shift()
      page.rows.firstChild?.remove()
    }
  }
}

export function select (frame: Frame | undefined): void {
  selected = frame
  showDetail(frame)
  page.list.removeAttribute('aria-activedescendant')
  mark(0)
}

function filter (): void {
  test = testOf({ text: page.search.value, direction: page.direction.value, type: page.ofType.value, hasPings: page.pings.checked })
  waiting = 0
  frames = log.frames.filter(test)
  page.rows.replaceChildren()
  if (selected && !frames.includes(selected)) select(undefined)
  draw()
}

/** Makes the rows of new frames. */
export function draw (): void {
  const from = page.rows.childElementCount
  page.rows.append(...frames.slice(from).map(rowOf))
  mark(from)
  follow()
  const [count, all] = [frames.length, log.frames.length]
  page.count.textContent = joined(
    ' · ',
    `${count}` + (count === all ? '' : ` of ${all}`),
    log.dropped > 0 && `${log.dropped} older left out`,
    isPaused && `paused, ${waiting} new`
  )
}

function follow (): void {
  if (follows) page.list.scrollTop = page.list.scrollHeight
}

// The selected row, and those of its question.
function mark (from: number): void {
  for (const [i, row] of [...page.rows.children].slice(from).entries()) {
    const frame = frames[from + i]
    row.ariaSelected = String(frame === selected)
    row.classList.toggle('lit', selected?.question !== undefined && frame?.question === selected.question)
    if (frame !== selected) continue
    row.scrollIntoView({ block: 'nearest' })
    page.list.setAttribute('aria-activedescendant', row.id)
  }
}

function rowOf ({ at, direction, type, text, bytes, size, question, waitedMs, isError }: Frame): HTMLElement {
  const parts = {
    arrow: ARROWS[direction],
    // For a screen reader, which reads no arrow and sees no color.
    out: `${direction} ${isError ? 'error ' : ''}`,
    type,
    ref: question ? `#${question.ref}` : '',
    text: bytes && !text ? hexOf(bytes, 16).slice(8) : text.slice(0, 400).replaceAll(/\s+/g, ' '),
    waited: waitedMs === undefined ? '' : `+${durationText(waitedMs)}`,
    size: size === undefined ? '' : sizeText(size),
    time: timeText(at)
  }
  return make(
    'div',
    { id: `frame-${nextId++}`, role: 'option', className: `frame ${direction} ${isError ? 'error' : ''}` },
    ...Object.entries(parts).map(([className, text]) => make('span', { className }, text))
  )
}
