import type { Client, ClientPart, Off } from './client.js'
import type { AnyContract, InfoIn, PresenceTopic, TopicMember } from './contract.js'

/** Made by `presence()`, for clients that know the members of their topics. */
export type Presence = ClientPart<'presence'>

/** A client with the option `presence`. */
export interface PresenceClient<C extends AnyContract = AnyContract> extends Client<C> {
  /**
   * The members of a topic to which the server subscribes this client, and whose kind has
   * `presence` in the contract. It asks the server for nothing.
   *
   * @example
   * const room = client.members('room:42')
   * room.onChange(({ joined }) => {
   *   show(room.list())
   *   for (const { info } of joined) say(`${info.name} has joined`)
   * })
   */
  members<const Topic extends PresenceTopic<C>> (topic: Topic): TopicMembers<InfoIn<C, Topic>>
}

/** The members of one topic. Its functions work alone, as those of a store for a user interface. */
export interface TopicMembers<Info = unknown> {
  /**
   * The members, as the server told them last: the same array until the next change. It stays while
   * the client reconnects. Empty before the server has told them, when it has unsubscribed the
   * client, and while the topic has more members than it tells.
   */
  readonly list: () => ReadonlyArray<TopicMember<Info>>
  /** The number of members, also while they are more than the server tells. */
  readonly count: () => number
  /**
   * Tells whether the server keeps the list up to date: it has told it over the connection that is
   * open now.
   */
  readonly isCurrent: () => boolean
  /**
   * Listens to every change of the list and of the number. A list that is told for the first time
   * is a change without news.
   */
  readonly onChange: (listener: (change: MembersChange<Info>) => void) => Off
}

/**
 * The news in a list of members, in comparison with the list before it; also of two lists that were
 * told over two connections. Each part may be empty.
 */
export interface MembersChange<Info = unknown> {
  readonly joined: ReadonlyArray<TopicMember<Info>>
  /** As they were at last. */
  readonly left: ReadonlyArray<TopicMember<Info>>
  /** Members whose `info` is another one now. */
  readonly updated: ReadonlyArray<TopicMember<Info>>
}
