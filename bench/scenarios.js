// @ts-check
/**
 * @typedef {import('./load.js').Work & import('./messages.js').Exchange & { name: string, title:
 * string, unit: string, isQuick?: boolean }} Scenario `isQuick`: measured also without being asked
 */

/** @type {Scenario[]} The work that is measured. */
export const SCENARIOS = [
  {
    name: 'one',
    kind: 'roundtrip',
    path: '/echo',
    shape: 'small',
    unit: 'message',
    connections: 100,
    window: 1,
    isQuick: true,
    title: 'round trip: 100 connections, 1 message in flight on each'
  },
  {
    name: 'four',
    kind: 'roundtrip',
    path: '/echo',
    shape: 'small',
    unit: 'message',
    connections: 100,
    window: 4,
    isQuick: true,
    title: 'round trip: 100 connections, 4 messages in flight on each'
  },
  {
    name: 'many',
    kind: 'roundtrip',
    path: '/echo',
    shape: 'small',
    unit: 'message',
    connections: 50,
    window: 32,
    isQuick: true,
    title: 'round trip: 50 connections, 32 messages in flight on each'
  },
  {
    name: 'kib',
    kind: 'roundtrip',
    path: '/echo',
    shape: 'kib',
    unit: 'message',
    connections: 50,
    window: 32,
    title: 'round trip: as before, messages of 1 KiB'
  },
  {
    name: 'utf8',
    kind: 'roundtrip',
    path: '/echo',
    shape: 'utf8',
    unit: 'message',
    connections: 50,
    window: 32,
    title: 'round trip: as before, 100 bytes that are not ASCII'
  },
  {
    name: 'async',
    kind: 'roundtrip',
    path: '/later',
    shape: 'small',
    unit: 'message',
    connections: 50,
    window: 32,
    isQuick: true,
    title: 'round trip: as before, 100 bytes of ASCII, with handlers that await something'
  },
  {
    name: 'calls',
    kind: 'roundtrip',
    path: '/call',
    shape: 'call',
    unit: 'call',
    connections: 50,
    window: 32,
    title: 'calls: 50 connections, 32 in flight on each'
  },
  {
    name: 'limit',
    kind: 'roundtrip',
    path: '/limited',
    shape: 'small',
    unit: 'message',
    connections: 50,
    window: 32,
    title: 'round trip: 50 connections, 32 in flight, a rate limit in every row'
  },
  {
    name: 'paced8',
    kind: 'paced',
    path: '/echo',
    shape: 'small',
    unit: 'message',
    connections: 100,
    window: 1,
    rate: 8_000,
    title: 'paced: 8,000 messages a second over 100 connections'
  },
  {
    name: 'paced20',
    kind: 'paced',
    path: '/echo',
    shape: 'small',
    unit: 'message',
    connections: 100,
    window: 1,
    rate: 20_000,
    title: 'paced: 20,000 messages a second over 100 connections'
  },
  {
    name: 'fanout1',
    kind: 'fanout',
    path: '/room',
    shape: 'small',
    unit: 'delivery',
    connections: 1001,
    window: 1,
    isQuick: true,
    title: 'fan-out: 1,000 members, 1 broadcast in flight'
  },
  {
    name: 'fanout8',
    kind: 'fanout',
    path: '/room',
    shape: 'small',
    unit: 'delivery',
    connections: 1001,
    window: 8,
    isQuick: true,
    title: 'fan-out: 1,000 members, 8 broadcasts in flight'
  },
  {
    name: 'handshake',
    kind: 'handshake',
    path: '/echo',
    shape: 'small',
    unit: 'handshake',
    connections: 2000,
    window: 50,
    isQuick: true,
    title: 'handshakes: 2,000, 50 at once'
  }
]
