import type { Partitions } from './partitions.js'

/** The names of channels, and of the keys of topics. */
export interface RedisChannels {
  /** The command that publishes to them. */
  readonly publish: 'PUBLISH' | 'SPUBLISH'
  of (topic: string): string
  topicOf (channel: string): string
  /** The top of a topic, its history, and its ids; they share a slot. */
  keysOf (topic: string): readonly string[]
  /** The members of a topic. */
  membersOf (topic: string): string
  /** The leases of nodes for the topics of a group; they share a slot with its members. */
  leasesOf (topic: string): string
  /** Topics of different groups do not travel in one command. */
  groupOf (topic: string): number
  /** The channel by which a node finds out whether it hears what it publishes. */
  probeOf (node: string): string
}

const KEYS = ['top:', 'history:', 'ids:']

/** The channels of a single Redis. */
export function plainChannels (prefix: string): RedisChannels {
  return {
    publish: 'PUBLISH',
    of: (topic) => prefix + topic,
    topicOf: (channel) => channel.slice(prefix.length),
    keysOf: (topic) => KEYS.map((key) => `${prefix}${key}${topic}`),
    membersOf: (topic) => `${prefix}members:${topic}`,
    leasesOf: () => `${prefix}leases`,
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
    publish: 'SPUBLISH',
    of: (topic) => `${prefix}{${partitions.tagOf(topic)}}${topic}`,
    topicOf: (channel) => channel.slice(channel.indexOf('}', prefix.length) + 1),
    keysOf: (topic) => KEYS.map((key) => `${prefix}{${partitions.tagOf(topic)}}${key}${topic}`),
    membersOf: (topic) => `${prefix}{${partitions.tagOf(topic)}}members:${topic}`,
    leasesOf: (topic) => `${prefix}{${partitions.tagOf(topic)}}leases`,
    groupOf: (topic) => partitions.indexOf(topic),
    probeOf: (node) => `${prefix}{${partitions.tagAt(probed())}}?${node}`
  }
}
