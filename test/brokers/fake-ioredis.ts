// A Redis in which each answer, and its moment, is scripted, as ioredis shows it.
import { EventEmitter } from 'node:events'
import { redis } from '../../lib/brokers/redis.js'
import type { BrokerHistory, BrokerMembers } from '../../types/broker.js'
import { until, type Teardown } from '../support/helper.js'
import { Node } from './suite.js'

/** A connection of ioredis, or the client of the app that it is made from. */
export class FakeIoredis extends EventEmitter {
  readonly made: FakeIoredis[] = []
  readonly sent: string[][] = []
  status = 'connecting'
  /** The answer to each command. */
  answer: (words: readonly string[]) => unknown = () => ['e1', '7']

  duplicate (): FakeIoredis {
    const connection = new FakeIoredis()
    this.made.push(connection)
    return connection
  }

  async subscribe (): Promise<void> {}

  async call (...words: string[]): Promise<unknown> {
    this.sent.push(words)
    return this.answer(words)
  }

  disconnect (): void {}

  become (status: 'ready' | 'close'): void {
    this.status = status
    this.emit(status)
  }
}

export interface Started {
  readonly node: Node
  readonly history: BrokerHistory
  readonly members: BrokerMembers
  readonly sender: FakeIoredis
  readonly subscriber: FakeIoredis
}

/** A node of a Redis that is ready. */
export async function startFake (t: Teardown): Promise<Started> {
  const client = new FakeIoredis()
  const node = new Node('n1', redis(client))
  t.teardown(() => node.broker.close())
  node.broker.start(node)
  const [sender, subscriber] = client.made as [FakeIoredis, FakeIoredis]
  for (const connection of client.made) connection.become('ready')
  await until(() => node.state === 'ready')
  return { node, history: node.broker.history!, members: node.broker.members!, sender, subscriber }
}

/** An error that Redis answers with. */
export function replyError (message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' })
}
