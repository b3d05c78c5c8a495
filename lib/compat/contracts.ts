import type { Change } from '../../types/compat.js'
import type { AnyContract } from '../../types/contract.js'
import { stepTo } from './difference.js'
import { presencesOf } from '../schema/message.js'
import { messageChanges } from './messages.js'
import { compareSchemas } from './schemas.js'

/** The changes between two contracts that have been read. */
export function contractChanges (old: AnyContract, next: AnyContract): Change[] {
  return [
    ...nameChanges(old, next),
    ...binaryChanges(old, next),
    ...topicChanges(old, next),
    ...presenceChanges(old, next),
    ...closeCodeChanges(old, next),
    ...messageChanges(old, next, 'clientToServer'),
    ...messageChanges(old, next, 'serverToClient')
  ]
}

const NAMES = {
  name: 'old clients offer the old name as subprotocol, which the server refuses now',
  discriminator: 'old clients read and write the old property'
} as const

function nameChanges (old: AnyContract, next: AnyContract): Change[] {
  return (['name', 'discriminator'] as const).filter((key) => old[key] !== next[key]).map((key) => {
    return { impact: 'breaking', where: key, text: `'${old[key]}' → '${next[key]}': ${NAMES[key]}` }
  })
}

const BINARY = {
  clientToServer: {
    on: { impact: 'safe', text: 'binary frames are new: old clients send none' },
    off: { impact: 'breaking', text: 'binary frames are gone: one of an old client closes its connection with 1003' }
  },
  serverToClient: {
    on: { impact: 'dangerous', text: 'binary frames are new: old clients may not expect them' },
    off: { impact: 'breaking', text: 'binary frames are gone: old clients may wait for them' }
  }
} as const

function binaryChanges (old: AnyContract, next: AnyContract): Change[] {
  return (['clientToServer', 'serverToClient'] as const).filter((side) => old.binary[side] !== next.binary[side]).map((side) => {
    return { where: `binary.${side}`, ...BINARY[side][next.binary[side] ? 'on' : 'off'] }
  })
}

function topicChanges (old: AnyContract, next: AnyContract): Change[] {
  return [...new Set([...Object.keys(old.topics), ...Object.keys(next.topics)])].flatMap((kind) => {
    const [before, after] = [old, next].map(({ topics }) => Object.hasOwn(topics, kind) ? topics[kind]!.recover : undefined)
    if (JSON.stringify(before) === JSON.stringify(after)) return []
    return [{ where: `topics${stepTo(kind)}`, ...recoverChange(before, after) }]
  })
}

type Recover = AnyContract['topics'][string]['recover']

function recoverChange (before: Recover, after: Recover): Omit<Change, 'where'> {
  if (before === undefined) return { impact: 'safe', text: 'the topics are recoverable now: old clients that do not ask notice nothing' }
  return after === undefined
    ? { impact: 'dangerous', text: 'the topics are not recoverable any more: old clients miss events, and are not told' }
    : { impact: 'safe', text: 'the history has other bounds: old clients are told when events are missing' }
}

function presenceChanges (old: AnyContract, next: AnyContract): Change[] {
  const [before, after] = [old, next].map((contract) => new Map(presencesOf(contract).map(({ kind, schema }) => [kind, schema])))
  return [...new Set([...before!.keys(), ...after!.keys()])].flatMap((kind): Change[] => {
    const where = `topics${stepTo(kind)}.presence`
    const [one, other] = [before!.get(kind), after!.get(kind)]
    if (one === undefined) return [{ impact: 'safe', where, text: 'presence is new: old clients do not ask for it' }]
    if (other === undefined) return [{ impact: 'dangerous', where, text: 'presence is gone: old clients are told no member any more' }]
    return compareSchemas(one, other, where, 'client')
  })
}

function closeCodeChanges (old: AnyContract, next: AnyContract): Change[] {
  const [before, after] = [Object.keys(old.closeCodes), Object.keys(next.closeCodes)]
  return [...new Set([...before, ...after])].filter((code) => before.includes(code) !== after.includes(code)).map((code) => {
    const fate = after.includes(code) ? 'new' : 'gone'
    return { impact: 'safe', where: `closeCodes[${code}]`, text: `the code is ${fate}: clients go by its range` }
  })
}
