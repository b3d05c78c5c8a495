import { Reserved } from '../../protocol.js'
import { frameOf, type Frame } from '../transport/frame.js'
import type { MembersView } from './members-view.js'

/** A connection whose client asked for members. */
export interface MembersReader {
  /** The client reads too slowly: it is told later, and all at once. */
  readonly isSlow: boolean
  tellMembers (frame: Frame): void
}

const PAUSE_MS = 1000
// Those who join together are told together, and a member that is put again at once has not left.
const SETTLE_MS = 50

/**
 * Tells the readers of a topic who is in it: all members at first, then the changes, at most once a
 * second; and of a topic with very many members their number alone.
 */
export class MembersTeller {
  readonly #opening: string
  readonly #view: MembersView
  readonly #maxMembers: number
  readonly #readers = new Set<MembersReader>()
  readonly #behind = new Set<MembersReader>()
  readonly #changed = new Set<string>()
  // The infos that readers were told; undefined where it was the number alone, or nothing.
  #told: Map<string, string> | undefined
  #toldCount = 0
  // All that was told so far, in one frame.
  #all: Frame | undefined
  #timer: NodeJS.Timeout | undefined
  #toldMs = Number.NEGATIVE_INFINITY
  #isLive = false

  /** @param opening - of the text of each message, with the name of the topic. */
  constructor (opening: string, view: MembersView, maxMembers: number) {
    this.#opening = opening
    this.#view = view
    this.#maxMembers = maxMembers
  }

  add (reader: MembersReader): void {
    if (this.#readers.has(reader)) return
    this.#readers.add(reader)
    if (this.#isLive) this.#give(reader)
  }

  /** The reader has left the topic. */
  remove (reader: MembersReader): void {
    if (!this.#readers.delete(reader)) return
    this.#behind.delete(reader)
    reader.tellMembers(this.#frame(''))
  }

  /** The members are known from now on. */
  begin (): void {
    this.#isLive = true
    this.#reset()
    for (const reader of this.#readers) this.#give(reader)
  }

  /** The last member here has left. */
  stop (): void {
    this.#isLive = false
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** A member has joined, left, or shows another info. */
  changed (key: string): void {
    if (!this.#isLive || this.#readers.size === 0) return
    this.#changed.add(key)
    const leftMs = this.#toldMs + PAUSE_MS - Date.now()
    // A clock that was set back does not silence the topic.
    this.#timer ??= setTimeout(() => this.#tell(), Math.max(SETTLE_MS, Math.min(leftMs, PAUSE_MS))).unref()
  }

  /** The client of a reader has caught up. */
  drained (reader: MembersReader): void {
    if (this.#behind.delete(reader)) this.#give(reader)
  }

  #tell (): void {
    this.#timer = undefined
    this.#toldMs = Date.now()
    const text = this.#news()
    this.#changed.clear()
    if (text === '') return
    const frame = this.#frame(text)
    for (const reader of this.#readers) this.#send(reader, frame)
  }

  // It is given what others were told, so that the changes that follow are right for it, too.
  #give (reader: MembersReader): void {
    if (this.#readers.size === 1) this.#reset()
    this.#all ??= this.#frame(this.#whole())
    this.#send(reader, this.#all)
  }

  #send (reader: MembersReader, frame: Frame): void {
    if (reader.isSlow) this.#behind.add(reader)
    else if (!this.#behind.has(reader)) reader.tellMembers(frame)
  }

  /** The text of what has changed since readers were told; empty where nothing has. */
  #news (): string {
    const told = this.#told
    const isSmall = this.#view.size <= this.#maxMembers
    if (!isSmall && told === undefined && this.#view.size === this.#toldCount) return ''
    if (!isSmall || told === undefined) {
      this.#reset()
      return this.#whole()
    }
    const text = this.#differences(told)
    if (text !== '') this.#all = undefined
    return text
  }

  #differences (told: Map<string, string>): string {
    const [joined, left, updated] = [new Map<string, string>(), [] as string[], new Map<string, string>()]
    for (const key of this.#changed) {
      const [before, now] = [told.get(key), this.#view.infoOf(key)]
      if (now === before) continue
      if (now === undefined) left.push(JSON.stringify(key))
      else (before === undefined ? joined : updated).set(key, now)
      if (now === undefined) told.delete(key)
      else told.set(key, now)
    }
    const parts = [['joined', listOf(joined)], ['left', left.join()], ['updated', listOf(updated)]] as const
    return parts.map(([name, list]) => list === '' ? '' : `,"${name}":[${list}]`).join('')
  }

  #reset (): void {
    this.#all = undefined
    this.#toldCount = this.#view.size
    this.#told = this.#toldCount > this.#maxMembers
      ? undefined
      : new Map(Array.from(this.#view.keys(), (key) => [key, this.#view.infoOf(key)!]))
  }

  /** All that was told so far, as text. */
  #whole (): string {
    return this.#told === undefined ? `,"count":${this.#toldCount}` : `,"members":[${listOf(this.#told)}]`
  }

  #frame (text: string): Frame {
    return frameOf(Reserved.members, `${this.#opening}${text}}`)
  }
}

function listOf (infos: ReadonlyMap<string, string>): string {
  return Array.from(infos, ([key, info]) => `{"key":${JSON.stringify(key)},"info":${info}}`).join()
}
