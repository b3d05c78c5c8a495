// Tests of a topic that two nodes of an engine hear; a broker of one process has one node.
import t, { type Test } from 'tap'
import { startNode, type Node, type Suite, type SuiteEngine } from './suite.js'

/** `engine: undefined`: the broker is of one process. */
export interface PairSuite<E extends SuiteEngine> extends Omit<Suite<E>, 'engine'> {
  readonly engine: Suite<E>['engine'] | undefined
}

type Run<E> = (t: Test, one: Node, two: Node, engine: E) => Promise<void>

export interface PairTests<E> {
  readonly test: (title: string, run: Run<E>) => void
  /** For an engine alone, which may fail. */
  readonly faultTest: (title: string, run: Run<E>) => void
}

/** Declares tests whose nodes, two or the same one twice, hear a topic. */
export function pairTests<E extends SuiteEngine> (suite: PairSuite<E>, topic: string): PairTests<E> {
  const { name, skip, only = '', engine: start, broker } = suite

  async function pair (t: Test, engine: E): Promise<[one: Node, two: Node]> {
    const one = await startNode(t, await broker(t, engine))
    const two = start === undefined ? one : await startNode(t, await broker(t, engine))
    await Promise.all([one, two].map((node) => node.broker.subscribe(topic)))
    return [one, two]
  }

  function test (title: string, run: Run<E>): void {
    if (!title.includes(only)) return
    t.test(`${name}: ${title}`, { skip }, async (t) => {
      const engine = await start?.(t) as E
      await run(t, ...await pair(t, engine), engine)
    })
  }

  return { test, faultTest: start === undefined ? () => {} : test }
}
