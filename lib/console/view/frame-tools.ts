import type { Route } from '../page/document.js'
import { testOf } from '../page/filter.js'
import { lineOf, type Frame } from '../page/frames.js'
import type { Connection } from './connection.js'
import { byId, fill, make, tell, batched } from './element.js'
import type { FrameList } from './frame-list.js'

/** The filters above the list, and its buttons: pause, copy, clear. */
export class FrameTools {
  readonly #connection: Connection
  readonly #list: FrameList
  readonly #count: () => void = batched(() => this.#showCount())
  #test: (frame: Frame) => boolean = () => true
  #isPaused = false
  #waiting = 0

  constructor (connection: Connection, list: FrameList) {
    this.#connection = connection
    this.#list = list
    for (const id of ['search', 'direction', 'of-type', 'pings']) byId(id).oninput = () => this.filter()
    byId('pause').onclick = () => this.#pause(!this.#isPaused)
    byId('copy').onclick = () => void this.#copy()
    byId('clear').onclick = () => {
      connection.log.clear()
      this.filter()
    }
  }

  setRoute ({ messages }: Route): void {
    const types = [...new Set([...messages.map(({ name, kind }) => kind === 'binary' ? 'binary' : name), '$error'])]
    fill(byId<HTMLSelectElement>('of-type'), [['', 'All types'], ...types.map((type) => [type, type] as const)])
    this.filter()
  }

  add (frame: Frame): void {
    if (this.#isPaused) this.#waiting++
    else this.#list.add(frame)
    this.#count()
  }

  filter (): void {
    const [text, direction, type] = ['search', 'direction', 'of-type'].map((id) => byId<HTMLInputElement>(id).value)
    this.#test = testOf({ text: text!, direction: direction!, type: type!, hasPings: byId<HTMLInputElement>('pings').checked })
    this.#waiting = 0
    this.#list.show(this.#connection.log.frames, this.#test)
    this.#count()
  }

  #pause (isPaused: boolean): void {
    this.#isPaused = isPaused
    byId('pause').ariaPressed = String(isPaused)
    byId('pause').textContent = isPaused ? 'Resume' : 'Pause'
    if (!isPaused) this.filter()
    this.#count()
  }

  #showCount (): void {
    const { frames, dropped } = this.#connection.log
    const shown = this.#list.frames.length
    byId('count').textContent = [
      shown === frames.length ? `${shown}` : `${shown} of ${frames.length}`,
      dropped > 0 ? `${dropped} older left out` : '',
      this.#isPaused ? `paused, ${this.#waiting} new` : ''
    ].filter((part) => part !== '').join(' · ')
  }

  async #copy (): Promise<void> {
    const lines = this.#list.frames.map(lineOf).join('\n')
    const isDone = await navigator.clipboard?.writeText(lines).then(() => true, () => false) ?? false
    const words = isDone || copyBySelection(lines) ? 'Copied' : 'Not copied'
    byId('copy').textContent = words
    tell(`${words}: ${this.#list.frames.length} frames`)
    setTimeout(() => { byId('copy').textContent = 'Copy' }, 1500)
  }
}

// Without HTTPS a page has no clipboard, and its person has.
function copyBySelection (text: string): boolean {
  const area = make('textarea', { value: text, className: 'out' })
  document.body.append(area)
  area.select()
  const isDone = document.execCommand('copy')
  area.remove()
  byId('copy').focus()
  return isDone
}
