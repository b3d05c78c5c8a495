import type { AnyContract, TopicKind } from '../../../types/contract.js'
import * as errors from '../errors.js'

/** The name of a topic's kind. */
export function kindNameOf (topic: string): string {
  const end = topic.indexOf(':')
  return end < 0 ? topic : topic.slice(0, end)
}

/** The declared kind of a topic; undefined for a topic of none. */
export function kindOf ({ topics }: Pick<AnyContract, 'topics'>, topic: string): TopicKind | undefined {
  const kind = kindNameOf(topic)
  return Object.hasOwn(topics, kind) ? topics[kind] : undefined
}

/** @throws FST_TYPED_WS_TOPIC_WITHOUT_PRESENCE */
export function expectPresence (contract: Pick<AnyContract, 'name' | 'topics'>, topic: string): void {
  if (kindOf(contract, topic)?.presence === undefined) throw new errors.TopicWithoutPresence(topic, contract.name)
}
