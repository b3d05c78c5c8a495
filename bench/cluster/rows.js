// @ts-check

/**
 * @typedef {object} ClusterRow
 * @property {string} name
 * @property {string} title
 * @property {(port: number) => [file: string, args: string[]]} start a node, beside the engine at
 * a port
 * @property {import('./dialects.js').DialectName} dialect
 * @property {string} kind of the topics
 */

/** @param {'redis' | 'nats'} engine @returns {ClusterRow[]} */
const typed = (engine) => [
  {
    name: 'plain',
    title: 'fastify-typed-ws, plain',
    start: (port) => ['cluster/node.js', [engine, String(port)]],
    dialect: 'typed',
    kind: 'room'
  },
  {
    name: 'recoverable',
    title: 'fastify-typed-ws, recoverable',
    start: (port) => ['cluster/node.js', [engine, String(port)]],
    dialect: 'recovering',
    kind: 'kept'
  }
]

/** @param {string} kind @returns {ClusterRow['start']} */
const socketio = (kind) => (port) => ['peers/cluster/socketio.js', [kind, String(port)]]

/**
 * The rows of each engine, ours first. Of the libraries that are compared none crosses nodes by
 * NATS.
 *
 * @type {Record<'redis' | 'nats', ClusterRow[]>}
 */
export const CLUSTER_ROWS = {
  redis: [
    ...typed('redis'),
    { name: 'socketio', title: '@socket.io/redis-adapter', start: socketio('pubsub'), dialect: 'socketio', kind: 'room' },
    { name: 'sharded', title: 'the same, sharded', start: socketio('sharded'), dialect: 'socketio', kind: 'room' },
    { name: 'streams', title: '@socket.io/redis-streams-adapter', start: socketio('streams'), dialect: 'socketio', kind: 'room' },
    {
      name: 'crossws',
      title: 'crossws/sync',
      start: (port) => ['peers/cluster/crossws.js', [String(port)]],
      dialect: 'crossws',
      kind: 'room'
    }
  ],
  nats: typed('nats')
}

/**
 * @typedef {object} Shape
 * @property {string} name
 * @property {string} title
 * @property {number} topics
 * @property {number} members of each topic on each node
 * @property {number} window events in flight, as fast as it goes
 * @property {number} rate events a second, at a pace that every row keeps
 */

/** @type {Shape[]} */
export const SHAPES = [
  {
    name: 'rooms',
    title: '100 topics, 1 member of each on a node; 16 events in flight, or 1,000 a second',
    topics: 100,
    members: 1,
    window: 16,
    rate: 1000
  },
  {
    name: 'crowd',
    title: '1 topic, 100 members of it on a node; 4 events in flight, or 100 a second',
    topics: 1,
    members: 100,
    window: 4,
    rate: 100
  }
]

export const NODE_COUNTS = [1, 3]
