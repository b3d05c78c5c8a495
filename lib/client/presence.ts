import type { ClientOptions, Fresh, Off, WebSocketLike } from '../../types/client.js'
import type { TopicMember } from '../../types/contract.js'
import type { MembersChange, Presence, TopicMembers } from '../../types/presence.js'
import { MEMBERS, PRESENCE } from '../protocol.js'
import { Emitter } from './emitter.js'
import { offering } from './offering.js'
import { partOf } from './part.js'

export type { MembersChange, Presence, PresenceClient, TopicMembers } from '../../types/presence.js'

type Members = ReadonlyMap<string, TopicMember>
/** Throws where a member is none, or its info breaks its schema. */
type EntriesOf = (members: readonly TopicMember[]) => ReadonlyArray<readonly [key: string, member: TopicMember]>

/** A message of the protocol about members. */
interface Told {
  readonly topic: string
  readonly members?: readonly TopicMember[]
  readonly joined?: readonly TopicMember[]
  readonly left?: readonly string[]
  readonly updated?: readonly TopicMember[]
  readonly count?: number
}

/** A topic as it was told last. */
interface Known {
  /** The connection over which it was told. */
  readonly ws: WebSocketLike | undefined
  /** undefined: the number alone was told. */
  readonly members: Members | undefined
  readonly list: readonly TopicMember[]
  readonly count: number
}

const NONE: Members = new Map()
const EMPTY: readonly TopicMember[] = Object.freeze([])

/**
 * Lets a client know who is in its topics, as long as the server says so.
 *
 * @example
 * import { createClient } from 'fastify-typed-ws/client'
 * import { presence } from 'fastify-typed-ws/presence'
 *
 * const client = createClient<typeof chat>('/chat', { protocol: 'chat.v1', presence: presence() })
 * const room = client.members('room:42')
 * room.onChange(() => show(room.list()))
 */
export function presence (): Presence {
  return partOf('presence', 'presence', (Base) => class extends Base {
    readonly #emitter = new Emitter()
    readonly #topics = new Map<string, Known>()

    constructor (url: Fresh<string | URL>, options: ClientOptions) {
      super(url, offering(PRESENCE, 'presence', options))
    }

    members (topic: string): TopicMembers {
      return {
        list: () => this.#topics.get(topic)?.list ?? EMPTY,
        count: () => this.#topics.get(topic)?.count ?? 0,
        isCurrent: () => this.ws !== undefined && this.#topics.get(topic)?.ws === this.ws,
        onChange: (listener: (change: MembersChange) => void): Off => this.#emitter.on(topic, listener)
      }
    }

    protected override take (type: string, ref: number | undefined, payload: Record<string, unknown>): void {
      if (type === MEMBERS) this.#tell(payload as unknown as Told)
      else super.take(type, ref, payload)
    }

    #tell (told: Told): void {
      const topic = expectType('string', told.topic)
      const { ws } = this
      const before = this.#topics.get(topic)
      const members = membersIn(told, before?.ws === ws ? before?.members : undefined, (members) => members.map((member) => {
        const fault = this.check('info', topic, member.info)
        if (fault) throw fault
        return [expectType('string', member.key), member]
      }))
      const count = members?.size ?? told.count
      if (count === undefined) this.#topics.delete(topic)
      else this.#topics.set(topic, { ws, members, list: [...members?.values() ?? EMPTY], count: expectType('number', count) })
      this.#emitter.emit(topic, news(before?.members ?? members, members ?? before?.members))
    }
  })
}

/** The list after a message; undefined where there is none any more. */
function membersIn (told: Told, before: Members | undefined, entriesOf: EntriesOf): Members | undefined {
  const { members, joined = [], left = [], updated = [] } = told
  if (members !== undefined) return new Map(entriesOf(members))
  if ([told.joined, told.left, told.updated].every((part) => part === undefined)) return undefined
  if (!before) throw new TypeError('no list to change')
  const now = new Map([...before, ...entriesOf([...joined, ...updated])])
  left.forEach((key) => now.delete(expectType('string', key)))
  return now
}

function news (before: Members = NONE, now: Members = NONE): MembersChange {
  const list = [...now.values()]
  return {
    joined: list.filter(({ key }) => !before.has(key)),
    left: [...before.values()].filter(({ key }) => !now.has(key)),
    updated: list.filter((member) => isOther(before.get(member.key), member))
  }
}

// The server writes an info by its schema: two that are equal are the same text.
function isOther (before: TopicMember | undefined, now: TopicMember): boolean {
  return before !== undefined && before !== now && JSON.stringify(before.info) !== JSON.stringify(now.info)
}

/** A value of the server's; throws where it is of another type. */
function expectType<T> (type: string, value: T): T {
  // eslint-disable-next-line valid-typeof -- each caller names a type
  if (typeof value !== type) throw new TypeError(`${String(value)} is no ${type}`)
  return value
}
