import type { Broker } from '../../../types/broker.js'
import { wrap, type Envelope } from './envelope.js'

/** A task for each node that has members in a topic. */
export type Command =
  | { readonly do: 'count' }
  | { readonly do: 'disconnect', readonly code: number, readonly reason: string }
  | { readonly do: 'unsubscribe', readonly topic: string }

/** The answer of one node: the connections that did the command, and the topic's members. */
export interface Outcome {
  readonly done: number
  readonly members: number
}

/** The outcomes of all nodes, added up. */
export interface Outcomes {
  readonly done: number
  /** The nodes that have members in the topic and have answered. */
  readonly nodes: number
  /** The nodes that were given the command and have not answered in time. */
  readonly silent: number
}

/** Does a command on this node. */
export type Perform = (topic: string, command: Command) => Outcome

const ANSWER_MS = 1000

/** A command that was given, until each node has answered. */
class Question {
  readonly #outcomes: Map<string, Outcome>
  readonly #answered: Promise<void>
  // The node's own question comes back to it where it hears the topic; what it did is known
  // already.
  #echoes = 0
  #expected = Number.POSITIVE_INFINITY
  #resolve!: () => void

  constructor (node: string, outcome: Outcome) {
    this.#outcomes = new Map([[node, outcome]])
    this.#answered = new Promise((resolve) => { this.#resolve = resolve })
  }

  echo (): void {
    this.#echoes = 1
    this.#check()
  }

  answer (node: string, outcome: Outcome): void {
    this.#outcomes.set(node, outcome)
    this.#check()
  }

  /** @param expected - how many nodes were given it, this one included where it hears the topic. */
  async end (expected: number): Promise<Outcomes> {
    this.#expected = expected
    const timer = setTimeout(this.#resolve, ANSWER_MS)
    this.#check()
    await this.#answered
    clearTimeout(timer)
    const outcomes = [...this.#outcomes.values()]
    return {
      done: outcomes.reduce((sum, { done }) => sum + done, 0),
      nodes: outcomes.filter(({ members }) => members > 0).length,
      silent: Math.max(0, this.#missing)
    }
  }

  get #missing (): number {
    return this.#expected - this.#echoes - (this.#outcomes.size - 1)
  }

  #check (): void {
    if (this.#missing <= 0) this.#resolve()
  }
}

/**
 * Commands that travel as questions on the topic that they name; each node answers to the inbox of
 * the one that asked.
 */
export class Control {
  readonly #node: string
  readonly #broker: Broker
  readonly #perform: Perform
  readonly #questions = new Map<string, Question>()
  #count = 0
  #inbox: Promise<void> | undefined

  constructor (node: string, broker: Broker, perform: Perform) {
    this.#node = node
    this.#broker = broker
    this.#perform = perform
  }

  /**
   * Does a command here, and has the other nodes do it.
   * @throws by rejecting, as `Broker.ask` does: then it was done here alone.
   */
  async ask (topic: string, command: Command): Promise<Outcomes> {
    const [id, question] = [String(this.#count++), new Question(this.#node, this.#perform(topic, command))]
    if (this.#broker.isLocal === true) return question.end(0)
    this.#questions.set(id, question)
    try {
      await this.#listen()
      const message = wrap({ kind: 'question', node: this.#node, name: id, text: JSON.stringify(command) })
      return await question.end(await this.#broker.ask(topic, message))
    } finally {
      this.#questions.delete(id)
    }
  }

  /** A question has come. */
  asked (topic: string, { node, name, text }: Envelope): void {
    if (node === this.#node) return this.#questions.get(name)?.echo()
    const { done, members } = this.#perform(topic, JSON.parse(text) as Command)
    // Without an answer this node is silent for the one that asked.
    const answer = wrap({ kind: 'answer', node: this.#node, name, text: JSON.stringify([done, members]) })
    this.#broker.publish(inboxOf(node), answer).catch(() => {})
  }

  /** An answer has come. */
  answered ({ node, name, text }: Envelope): void {
    const [done, members] = JSON.parse(text) as [number, number]
    this.#questions.get(name)?.answer(node, { done, members })
  }

  async #listen (): Promise<void> {
    this.#inbox ??= this.#broker.subscribe(inboxOf(this.#node))
    try {
      await this.#inbox
    } catch (error) {
      this.#inbox = undefined
      throw error
    }
  }
}

// No contract has this name: `@` is no character of a token (RFC 9110 §5.6.2).
function inboxOf (node: string): string {
  return `@${node}`
}
