import type { ConnectedMember } from '../../../types/channel.js'

// A text that a node put: its clock, and what the member shows of itself.
const STAMP = /^\d+ /

/** A text for a member that connects now. */
export function stamped (info: string): string {
  return `${Date.now()} ${info}`
}

/** The name of a member: its node, the number of its connection there, and its key. */
export function memberName (node: string, number: number, key: string): string {
  return `${node}:${number}:${key}`
}

/** The node of a member. */
export function nodeOf (member: string): string {
  return member.slice(0, member.indexOf(':'))
}

function keyOf (member: string): string {
  return member.slice(member.indexOf(':', member.indexOf(':') + 1) + 1)
}

/** The connections in a topic, of all nodes, as one node sees them: by their members' keys. */
export class MembersView {
  readonly #texts = new Map<string, string>()
  readonly #members = new Map<string, Set<string>>()
  readonly #changed: (key: string) => void

  constructor (changed: (key: string) => void = () => {}) {
    this.#changed = changed
  }

  /** The number of keys. */
  get size (): number {
    return this.#members.size
  }

  /** The names of all connections, as they are now. */
  get names (): readonly string[] {
    return [...this.#texts.keys()]
  }

  keys (): IterableIterator<string> {
    return this.#members.keys()
  }

  /** @param text - undefined: the connection has left. */
  set (member: string, text: string | undefined): void {
    if (this.#texts.get(member) === text) return
    const key = keyOf(member)
    const members = this.#members.get(key) ?? new Set()
    if (text === undefined) {
      this.#texts.delete(member)
      members.delete(member)
    } else {
      this.#texts.set(member, text)
      members.add(member)
    }
    if (members.size === 0) this.#members.delete(key)
    else this.#members.set(key, members)
    this.#changed(key)
  }

  /** The info of the newest connection of a key, as text; undefined where there is none. */
  infoOf (key: string): string | undefined {
    const texts = [...this.#members.get(key) ?? []].map((member) => this.#texts.get(member)!)
    return texts.reduce<string | undefined>((newest, text) => isNewer(text, newest) ? text : newest, undefined)?.replace(STAMP, '')
  }

  list (): ConnectedMember[] {
    return Array.from(this.#members, ([key, { size: connections }]) => {
      return { key, info: JSON.parse(this.infoOf(key)!) as unknown, connections }
    })
  }
}

// Every node takes the same one, also of two from the same moment.
function isNewer (text: string, than: string | undefined): boolean {
  if (than === undefined) return true
  const [one, other] = [Number.parseInt(text, 10), Number.parseInt(than, 10)]
  return one === other ? text > than : one > other
}
