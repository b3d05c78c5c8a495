import type { HeartbeatSettings } from '../options.js'
import type { TransportStream } from './numbers.js'

/** A connection, as its heartbeat sees it. */
export interface HeartbeatMember {
  /** A number that changes with everything that arrives. */
  readonly bytesRead: number
  /** True while arriving bytes are read; false while too many messages wait. */
  readonly isRead: boolean
  /** A number that changes with every message whose handler begins. */
  readonly begun: number
  ping (): void
  /** No sign of life came in time. */
  onDead (): void
}

/** The place of a member: empty once it has left, so that it keeps no connection. */
export interface Entry {
  member: HeartbeatMember | undefined
  readonly slot: Set<Entry>
  // While the member is not read: its `bytesRead` and `begun` at the last check, and how many
  // checks in a row have found no other.
  progress: number
  stuck: number
}

interface Pinged {
  readonly entry: Entry
  readonly bytesRead: number
}

// The system cannot tell that a client is gone which has sent more than is read: the pings on their
// way to it keep TCP keep-alive from starting. A long handler may be the cause as well, so it takes
// more than one check.
const MAX_STUCK = 2
// Slots of an interval: one timer serves the members of all of them.
const MAX_SLOTS = 50

/**
 * Pings its members once per interval, each in a slot chosen at random. Time is counted in ticks,
 * not read from a clock, and everything that has arrived is read before a member is checked: an
 * event loop that stood still ends no connection.
 */
export class Heartbeat {
  readonly #slots: ReadonlyArray<Set<Entry>>
  readonly #tickMs: number
  readonly #timeoutTicks: number
  readonly #pinged: Array<readonly Pinged[]> = []
  #timer: NodeJS.Timeout | undefined = undefined
  #size = 0
  #at = 0

  constructor ({ intervalMs, timeoutMs }: HeartbeatSettings) {
    this.#tickMs = Math.ceil(intervalMs / MAX_SLOTS)
    this.#slots = Array.from({ length: Math.ceil(intervalMs / this.#tickMs) }, () => new Set())
    this.#timeoutTicks = Math.ceil(timeoutMs / this.#tickMs)
  }

  /** @returns the member's place, for `leave`. */
  join (member: HeartbeatMember): Entry {
    const slot = this.#slots[Math.floor(Math.random() * this.#slots.length)]!
    const entry: Entry = { member, slot, progress: Number.NaN, stuck: 0 }
    slot.add(entry)
    this.#size++
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref()
    return entry
  }

  leave (entry: Entry): void {
    entry.member = undefined
    if (entry.slot.delete(entry)) this.#size--
    if (this.#size === 0) this.#stop()
  }

  #tick (): void {
    this.#at = (this.#at + 1) % this.#slots.length
    this.#pinged.push(Array.from(this.#slots[this.#at]!, ping))
    if (this.#pinged.length <= this.#timeoutTicks) return
    const due = this.#pinged.shift()!
    if (due.length > 0) setImmediate(() => due.forEach(checkAlive))
  }

  #stop (): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#pinged.length = 0
  }
}

/**
 * Lets TCP look for a client that is not read, which the heartbeat cannot check. Set with the first
 * pause, since it takes four system calls: a later call makes none.
 */
export function keepAlive (stream: TransportStream, heartbeat: HeartbeatSettings | false): void {
  if (heartbeat !== false) stream.setKeepAlive?.(true, heartbeat.intervalMs)
}

function ping (entry: Entry): Pinged {
  const member = entry.member!
  member.ping()
  return { entry, bytesRead: member.bytesRead }
}

function checkAlive ({ entry, bytesRead }: Pinged): void {
  const { member } = entry
  if (member === undefined) return
  if (member.bytesRead === bytesRead && member.isRead) return member.onDead()
  const progress = member.isRead ? Number.NaN : member.bytesRead + member.begun
  entry.stuck = progress === entry.progress ? entry.stuck + 1 : 0
  entry.progress = progress
  if (entry.stuck === MAX_STUCK) member.onDead()
}
