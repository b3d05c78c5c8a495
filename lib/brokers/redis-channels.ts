import type { Partitions } from './partitions.js'

/** The names of channels. */
export interface RedisChannels {
  of (topic: string): string
  topicOf (channel: string): string
  /** Topics of different groups do not travel in one command. */
  groupOf (topic: string): number
  /** The channel by which a node finds out whether it hears what it publishes. */
  probeOf (node: string): string
}

/** The channels of a single Redis. */
export function plainChannels (prefix: string): RedisChannels {
  return {
    of: (topic) => prefix + topic,
    topicOf: (channel) => channel.slice(prefix.length),
    groupOf: () => 0,
    probeOf: (node) => `${prefix}?${node}`
  }
}

/**
 * The channels of a master in a Cluster: the topics of one partition share a slot, so that one
 * command subscribes to many of them.
 * @param probed - a partition of the master.
 */
export function shardedChannels (prefix: string, partitions: Partitions, probed: () => number): RedisChannels {
  return {
    of: (topic) => `${prefix}{${partitions.tagOf(topic)}}${topic}`,
    topicOf: (channel) => channel.slice(channel.indexOf('}', prefix.length) + 1),
    groupOf: (topic) => partitions.indexOf(topic),
    probeOf: (node) => `${prefix}{${partitions.tagAt(probed())}}?${node}`
  }
}
