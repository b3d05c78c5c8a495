import type { HeartbeatSettings } from '../options.js'

/** Whoever's life is watched. */
export interface HeartbeatMember {
  /** A number that changes with everything that arrives. */
  readonly bytesRead: number
  /** Whether what arrives is read: not while more waits than may. */
  readonly isRead: boolean
  /** A number that changes with every message that is begun. */
  readonly begun: number
  ping (): void
  /** There was no sign of life in time. */
  onDead (): void
}

/** Empty once its member has left: nothing here keeps who is gone. */
interface Entry {
  member: HeartbeatMember | undefined
  // While it is not read: what was read and begun of it when it was judged last, and how often in a row that has not changed.
  progress: number
  stuck: number
}

interface Pinged {
  readonly seat: Entry
  readonly bytesRead: number
}

// The system cannot say that a client is gone which has sent more than is read: the pings on their way to it keep TCP's keep-alive from starting. A long
// handler may be the cause as well, so it takes longer.
const MAX_STUCK = 2
// How many parts an interval has, each with the members whose turn it is: one timer for all of them.
const MAX_PARTS = 50

/**
 * Pings its members once per interval, each at its own part of it, chosen at random. Time is counted in ticks, not read from a clock, and everything that
 * has arrived is read before anybody is judged: an event loop that stood still kills nobody.
 */
export class Heartbeat {
  readonly #parts: ReadonlyArray<Set<Entry>>
  readonly #tickMs: number
  readonly #timeoutTicks: number
  readonly #pinged: Array<readonly Pinged[]> = []
  #timer: NodeJS.Timeout | undefined = undefined
  #size = 0
  #at = 0

  constructor ({ intervalMs, timeoutMs }: HeartbeatSettings) {
    this.#tickMs = Math.ceil(intervalMs / MAX_PARTS)
    this.#parts = Array.from({ length: Math.ceil(intervalMs / this.#tickMs) }, () => new Set())
    this.#timeoutTicks = Math.ceil(timeoutMs / this.#tickMs)
  }

  /** @returns how to leave again. */
  join (member: HeartbeatMember): () => void {
    const part = this.#parts[Math.floor(Math.random() * this.#parts.length)]!
    const seat: Entry = { member, progress: Number.NaN, stuck: 0 }
    part.add(seat)
    this.#size++
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref()
    return () => {
      seat.member = undefined
      if (part.delete(seat)) this.#size--
      if (this.#size === 0) this.#stop()
    }
  }

  #tick (): void {
    this.#at = (this.#at + 1) % this.#parts.length
    this.#pinged.push(Array.from(this.#parts[this.#at]!, ping))
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

function ping (seat: Entry): Pinged {
  const member = seat.member!
  member.ping()
  return { seat, bytesRead: member.bytesRead }
}

function checkAlive ({ seat, bytesRead }: Pinged): void {
  const { member } = seat
  if (member === undefined) return
  if (member.bytesRead === bytesRead && member.isRead) return member.onDead()
  const progress = member.isRead ? Number.NaN : member.bytesRead + member.begun
  seat.stuck = progress === seat.progress ? seat.stuck + 1 : 0
  seat.progress = progress
  if (seat.stuck === MAX_STUCK) member.onDead()
}
