import type { Change, Impact } from '../../types/compat.js'
import type { AnyContract } from '../../types/contract.js'
import { answerOf, messagesOf, type ContractMessage, type Direction, type MessageSchemas } from '../schema/message.js'
import { compareSchemas, type Receiver } from './schemas.js'
import { stepTo } from './difference.js'

/** The changes of the messages of one direction. */
export function messageChanges (old: AnyContract, next: AnyContract, direction: Direction): Change[] {
  const [before, after] = [old, next].map((contract) => new Map(messagesOf(contract, direction).map((message) => [message.name, message])))
  return [...new Set([...before!.keys(), ...after!.keys()])].flatMap((name) => {
    const where = direction + stepTo(name)
    const [one, other] = [before!.get(name), after!.get(name)]
    if (one === undefined) return [added(other!, where, direction)]
    if (other === undefined) return [removed(one, where, direction)]
    return sharedChanges(one.schemas, other.schemas, where, direction)
  })
}

function added ({ schemas: { kind } }: ContractMessage, where: string, direction: Direction): Change {
  if (direction === 'clientToServer') return change('safe', where, `the ${kind} is new: old clients do not send it`)
  if (kind === 'event') return change('safe', where, 'the event is new: old clients do not listen to it')
  return change('dangerous', where, `the ${kind} is new: old clients answer it with 501`)
}

function removed ({ schemas: { kind } }: ContractMessage, where: string, direction: Direction): Change {
  if (direction === 'clientToServer') return change('breaking', where, `the ${kind} is gone: old clients may send it`)
  if (kind === 'event') return change('breaking', where, 'the event is gone: old clients may wait for it')
  return change('safe', where, `the ${kind} is gone: old clients answer when they are asked`)
}

function change (impact: Impact, where: string, text: string): Change {
  return { impact, where, text }
}

function sharedChanges (old: MessageSchemas, next: MessageSchemas, where: string, direction: Direction): Change[] {
  if (old.kind !== next.kind) {
    return [change('breaking', where, `${old.kind} → ${next.kind}: old clients know it as ${article(old.kind)} ${old.kind}`)]
  }
  if (old.hasBinary !== next.hasBinary) return [change('breaking', where, `the binary frame ${frameChange(old, direction)}`)]
  const [payload, answer] = direction === 'clientToServer' ? ['server', 'client'] as const : ['client', 'server'] as const
  return [
    ...partChanges(old.payload, next.payload, next.kind === 'event' ? where : `${where}.request`, payload),
    ...partChanges(answerOf(old), answerOf(next), `${where}.${next.kind === 'stream' ? 'stream' : 'reply'}`, answer)
  ]
}

// A side that has no binary frame in its contract neither sends one nor awaits it.
function frameChange ({ hasBinary }: MessageSchemas, direction: Direction): string {
  if (direction === 'clientToServer') return hasBinary ? 'is gone: old clients send it' : 'is new: old clients send none'
  return hasBinary ? 'is gone: old clients wait for it' : 'is new: old clients do not expect it'
}

function article (kind: string): string {
  return kind === 'event' ? 'an' : 'a'
}

function partChanges (old: object | undefined, next: object | undefined, where: string, receiver: Receiver): Change[] {
  return old === undefined || next === undefined ? [] : compareSchemas(old, next, where, receiver)
}
