import type { Change, Impact } from '../../types/compat.js'
import { References } from '../schema/references.js'
import type { Difference, Grade } from './difference.js'
import { Inclusion } from './inclusion.js'
import { describe } from './wording.js'

/** The side that receives a schema's values. */
export type Receiver = 'server' | 'client'

/**
 * The changes from one schema to another. A server has to take what an old client says; an old
 * client has to take what the new server says.
 */
export function compareSchemas (old: object, next: object, where: string, receiver: Receiver): Change[] {
  const [before, after] = [new References(old), new References(next)]
  const isSaidOld = receiver === 'server'
  const [said, taken] = isSaidOld ? [before, after] : [after, before]
  const harms = new Inclusion(said, taken).differences()
  const others = new Inclusion(taken, said).differences().filter((difference) => isAnother(difference, harms))
  return [
    ...harms.map((harm) => changeOf(harm, impactOf(harm.grade, receiver), where, receiver, isSaidOld)),
    ...others.map((other) => changeOf(other, 'safe', where, receiver, !isSaidOld))
  ]
}

// The other way round an unknown keyword is one that is gone, which has been told of.
function isAnother ({ path, aspect, grade }: Difference, harms: readonly Difference[]): boolean {
  return grade !== 'unknown' && !harms.some((harm) => harm.path === path && harm.aspect === aspect)
}

function impactOf (grade: Grade, receiver: Receiver): Impact {
  switch (grade) {
    case 'ignored': return 'safe'
    case 'unknown': return 'unknown'
    case 'unlikely': return 'dangerous'
    case 'closed': return receiver === 'server' ? 'breaking' : 'dangerous'
    case 'refused': return 'breaking'
  }
}

function changeOf (difference: Difference, impact: Impact, where: string, receiver: Receiver, isSaidOld: boolean): Change {
  return { impact, where: where + difference.path, text: `${describe(difference, isSaidOld)}: ${REASONS[receiver][impact]}` }
}

const REASONS: Readonly<Record<Receiver, Readonly<Record<Impact, string>>>> = {
  server: {
    breaking: 'old clients may send what the server refuses now',
    dangerous: 'the server refuses properties that the old schema does not name, and old clients may send such',
    unknown: 'look at it yourself',
    safe: 'the server takes all that old clients send'
  },
  client: {
    breaking: 'old clients may receive what they do not know',
    dangerous: 'old clients that check what they receive refuse it',
    unknown: 'look at it yourself',
    safe: 'old clients know all that they receive'
  }
}
