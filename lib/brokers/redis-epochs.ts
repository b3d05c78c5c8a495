import { randomBytes } from 'node:crypto'
import type { Position } from '../../types/broker.js'

/** Names that were never used: a topic that Redis has lost begins again with one. */
export class Epochs {
  readonly #name = randomBytes(6).toString('base64url')
  #count = 0

  next (): string {
    return `${this.#name}${(this.#count++).toString(36)}`
  }
}

/** A position, as Redis tells it. */
export function positionOf ([epoch, offset]: readonly string[]): Position {
  return { epoch: epoch!, offset: Number(offset) }
}
