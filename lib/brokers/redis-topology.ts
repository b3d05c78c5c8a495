import { within } from './failure.js'
import type { IoredisClient } from './ioredis.js'
import type { Partitions } from './partitions.js'
import { COMMAND_TIMEOUT_MS, CONNECT_TIMEOUT_MS, pauseMs } from './redis-connection.js'

/** The part of a Cluster of ioredis that is used: `new Cluster(…)`; or one made to look like it. */
export interface ClusterClient extends IoredisClient {
  readonly isCluster: true
  readonly options?: { readonly natMap?: NatMap }
}

type NatMap = Readonly<Record<string, Address>> | ((address: string) => Address | null)

interface Address {
  readonly host: string
  readonly port: number
}

/** A Redis of a Cluster, as ioredis connects to it. */
export interface ClusterNode extends IoredisClient {
  readonly options: Partial<Address>
  call (...words: string[]): Promise<unknown>
}

/** The members of a Cluster of ioredis that are used here. */
export interface ClusterControl {
  on (event: string, listener: (...values: never[]) => void): this
  removeAllListeners (): this
  nodes (): ClusterNode[]
  disconnect (): void
}

/** Is told of a Cluster. */
export interface TopologyOwner {
  /** The address of each partition's master; undefined where it has none. */
  onView (masters: ReadonlyArray<string | undefined>): void
  onAway (reason: unknown): void
}

interface View {
  readonly isWhole: boolean
  readonly epoch: number
  readonly masters: ReadonlyArray<string | undefined>
}

type SlotRange = readonly [first: number, last: number, master: readonly [host: string | null, port: number]]

const REFRESH_MS = 5000
const PAUSE_MS = 100

/**
 * Tells which master has which partition: it asks every Redis of a Cluster each 5 s, and at once
 * when something has moved. Some may be cut off, or behind: the newest epoch of those that see a
 * whole Cluster is right.
 */
export class RedisTopology {
  readonly #client: ClusterClient
  readonly #partitions: Partitions
  readonly #owner: TopologyOwner
  #control: ClusterControl | undefined
  #template: ClusterNode | undefined
  #timer: NodeJS.Timeout | undefined
  // It asks, or pauses after it; and something moved meanwhile.
  #isBusy = false
  #isStale = false

  constructor (client: ClusterClient, partitions: Partitions, owner: TopologyOwner) {
    this.#client = client
    this.#partitions = partitions
    this.#owner = owner
  }

  open (): void {
    const control = this.#client.duplicate(...[[], {
      lazyConnect: false,
      enableOfflineQueue: false,
      shardedSubscribers: false,
      clusterRetryStrategy: pauseMs,
      redisOptions: { connectTimeout: CONNECT_TIMEOUT_MS }
    }] as never[]) as ClusterControl
    this.#control = control
    control.on('error', (error: Error) => this.#owner.onAway(error))
    control.on('ready', () => this.refresh())
  }

  /** Asks soon, but not more often than each 100 ms: a Cluster in trouble is not flooded. */
  refresh (): void {
    if (this.#isBusy) this.#isStale = true
    else if (this.#control !== undefined) void this.#ask(this.#control)
  }

  close (): void {
    clearTimeout(this.#timer)
    const control = this.#control
    this.#control = undefined
    control?.removeAllListeners()
    // Connections that are given up may still fail.
    control?.on('error', () => {}).disconnect()
  }

  /** A client of one Redis, with the options of the Cluster's. */
  clientOf (address: string): IoredisClient {
    const end = address.lastIndexOf(':')
    const place = { host: address.slice(0, end), port: Number(address.slice(end + 1)), readOnly: false }
    return { duplicate: (options: object) => this.#template!.duplicate(...[{ ...options, ...place }] as never[]) }
  }

  async #ask (control: ClusterControl): Promise<void> {
    clearTimeout(this.#timer)
    this.#isBusy = true
    this.#isStale = false
    const nodes = control.nodes()
    this.#template = nodes[0] ?? this.#template
    const answers = await Promise.all(nodes.map(async (node) => this.#viewOf(node).catch(() => undefined)))
    const views = answers.filter((view) => view !== undefined)
    if (this.#control === undefined) return
    if (views.length > 0) this.#owner.onView(newest(views).masters)
    this.#timer = setTimeout(() => this.#askLater(views.length > 0), PAUSE_MS).unref()
  }

  #askLater (isAnswered: boolean): void {
    this.#isBusy = false
    if (this.#isStale || !isAnswered) return this.refresh()
    this.#timer = setTimeout(() => this.refresh(), REFRESH_MS - PAUSE_MS).unref()
  }

  async #viewOf (node: ClusterNode): Promise<View> {
    const answers = Promise.all([node.call('CLUSTER', 'INFO'), node.call('CLUSTER', 'SLOTS')])
    const [info, ranges] = await within(answers, COMMAND_TIMEOUT_MS, 'Redis') as [string, SlotRange[]]
    const masters: Array<string | undefined> = Array.from({ length: this.#partitions.count }, () => undefined)
    for (const [first, last, [host, port]] of ranges) {
      const address = this.#reach(`${host === null || host === '' ? node.options.host : host}:${port}`)
      for (const partition of this.#partitions.between(first, last)) masters[partition] = address
    }
    return { isWhole: info.includes('cluster_state:ok'), epoch: Number(/cluster_current_epoch:(\d+)/.exec(info)![1]), masters }
  }

  #reach (address: string): string {
    const natMap = this.#client.options?.natMap
    const place = typeof natMap === 'function' ? natMap(address) : natMap?.[address]
    return place == null ? address : `${place.host}:${place.port}`
  }
}

function newest (views: readonly View[]): View {
  return views.reduce((best, view) => isNewer(view, best) ? view : best)
}

function isNewer (view: View, than: View): boolean {
  return view.isWhole === than.isWhole ? view.epoch > than.epoch : view.isWhole
}
