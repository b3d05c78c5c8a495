import { randomBytes } from 'node:crypto'
import type { Position } from '../../types/broker.js'

// Begins with the time of its creation in µs: the offsets of a stream are greater than those of the
// ones before it, as long as less than a message in a µs was stored.
const TIME_DIGITS = 10
const RANDOM_BYTES = 4
const EPOCH = /-([0-9a-z]{18})$/
const MAX_LABEL = 64

/** A stream of JetStream: the stored messages of all topics of one kind. */
export class NatsStream {
  readonly name: string
  readonly epoch: string
  /** The offset of an empty history: sequences count from 1. */
  readonly base: number
  /** The highest sequence that this node knows of. */
  seen = 0

  constructor (name: string, epoch: string) {
    this.name = name
    this.epoch = epoch
    this.base = Number.parseInt(epoch.slice(0, TIME_DIGITS), 36)
  }

  /** @returns undefined for the name of a stream of others. */
  static of (name: string): NatsStream | undefined {
    const epoch = EPOCH.exec(name)?.[1]
    return epoch === undefined ? undefined : new NatsStream(name, epoch)
  }

  /** A name that no stream has had. */
  static newName (prefix: string, kind: string): string {
    const time = (Date.now() * 1000).toString(36).padStart(TIME_DIGITS, '0')
    const label = `${prefix}-${kind}`.replaceAll(/[^\w-]/g, '_').slice(0, MAX_LABEL)
    return `${label}-${time}${randomBytes(RANDOM_BYTES).toString('hex')}`
  }

  positionOf (sequence: number): Position {
    if (sequence > this.seen) this.seen = sequence
    return { epoch: this.epoch, offset: this.base + sequence }
  }
}
