import type { Person } from './contract.js'

/** The people who are here, however many tabs each of them has open. */
export class People {
  readonly #here = new Map<string, { person: Person, tabs: number }>()

  /** @returns whether this is the person's first tab. */
  enter (person: Person): boolean {
    const tabs = (this.#here.get(person.id)?.tabs ?? 0) + 1
    this.#here.set(person.id, { person, tabs })
    return tabs === 1
  }

  /** @returns whether this was the person's last tab. */
  leave ({ id }: Person): boolean {
    const entry = this.#here.get(id)
    if (entry === undefined || --entry.tabs > 0) return false
    return this.#here.delete(id)
  }

  list (): Person[] {
    return Array.from(this.#here.values(), ({ person }) => person)
  }
}
