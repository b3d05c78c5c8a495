import type { NodeRedisClient } from './node-redis.js'
import { pauseMs } from './redis-connection.js'
import type { ClusterClient, ClusterControl, ClusterNode } from './redis-topology.js'

// upstream-private: @redis/client RedisCluster#_options

interface Place {
  readonly host: string
  readonly port: number
}

/** The options of a Cluster of node-redis that are used here. */
interface Options {
  readonly defaults?: object
  readonly nodeAddressMap?: Readonly<Record<string, Place>> | ((address: string) => Place | undefined)
}

/** The part of a Cluster of node-redis that is used: `createCluster(…)`. */
export interface NodeRedisClusterClient {
  nodeClient (...values: never[]): unknown
  sSubscribe (...values: never[]): unknown
  duplicate (...values: never[]): unknown
}

/** A connection to one Redis, as node-redis keeps it in its Cluster. */
interface NodeClient extends NodeRedisClient {
  readonly options: { readonly socket?: object }
  sendCommand (words: readonly string[]): Promise<unknown>
}

/** The members of a Cluster of node-redis that are used here. */
interface Cluster {
  readonly nodeByAddress: ReadonlyMap<string, Place>
  on (event: string, listener: (...values: never[]) => void): this
  connect (): Promise<unknown>
  nodeClient (node: Place): Promise<NodeClient>
  destroy (): void
}

/** A Cluster of node-redis, asked as one of ioredis is. */
export class NodeRedisCluster implements ClusterClient {
  readonly isCluster = true
  readonly #client: NodeRedisClusterClient
  readonly #options: Options

  constructor (client: NodeRedisClusterClient) {
    this.#client = client
    this.#options = (client as { readonly _options?: Options })._options ?? {}
  }

  get options (): NonNullable<ClusterClient['options']> {
    const { nodeAddressMap } = this.#options
    if (nodeAddressMap === undefined) return {}
    return { natMap: typeof nodeAddressMap === 'function' ? (address) => nodeAddressMap(address) ?? null : nodeAddressMap }
  }

  duplicate (): ClusterControl {
    return new Control(() => this.#client.duplicate(...[{
      // Replicas tell who has the slots of a master that has died.
      useReplicas: true,
      minimizeConnections: true,
      clientSideCache: undefined,
      commandOptions: undefined,
      defaults: { ...this.#options.defaults, disableOfflineQueue: true, commandOptions: undefined }
    }] as never[]) as Cluster)
  }
}

/** A Cluster of our own, opened again until one of its roots answers. */
class Control implements ClusterControl {
  readonly #open: () => Cluster
  readonly #listeners = new Map<string, (...values: never[]) => void>()
  #cluster: Cluster | undefined
  #template: NodeClient | undefined
  #pause: NodeJS.Timeout | undefined

  constructor (open: () => Cluster) {
    this.#open = open
    this.#connect(0)
  }

  on (event: string, listener: (...values: never[]) => void): this {
    this.#listeners.set(event, listener)
    return this
  }

  removeAllListeners (): this {
    this.#listeners.clear()
    return this
  }

  nodes (): ClusterNode[] {
    const cluster = this.#cluster!
    return Array.from(cluster.nodeByAddress.values(), (node) => ({
      options: { host: node.host },
      call: async (...words: string[]) => {
        const client = await cluster.nodeClient(node)
        this.#template ??= client
        return client.sendCommand(words)
      },
      duplicate: (...values: never[]) => this.#duplicate(values[0]!)
    }))
  }

  disconnect (): void {
    clearTimeout(this.#pause)
    const cluster = this.#cluster
    this.#cluster = undefined
    cluster?.destroy()
  }

  #connect (attempt: number): void {
    const cluster = this.#open()
    this.#cluster = cluster
    cluster.on('error', (error: Error) => this.#listeners.get('error')?.(error as never))
    // The error is told by its event.
    cluster.connect().then(() => this.#opened(cluster), () => this.#failed(cluster, attempt))
  }

  #opened (cluster: Cluster): void {
    if (cluster === this.#cluster) this.#listeners.get('ready')?.()
    else cluster.destroy()
  }

  #failed (cluster: Cluster, attempt: number): void {
    if (cluster === this.#cluster) this.#pause = setTimeout(() => this.#connect(attempt + 1), pauseMs(attempt)).unref()
  }

  // A Redis has answered before one is opened: who has the slots is known by that.
  #duplicate ({ host, port, socket, ...options }: Place & { readonly socket?: object }): unknown {
    const template = this.#template!
    const overrides = { ...options, readonly: false, socket: { ...template.options.socket, ...socket, host, port } }
    return template.duplicate(...[overrides] as never[])
  }
}
