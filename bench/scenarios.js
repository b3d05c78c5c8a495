// @ts-check
/**
 * @typedef {import('./load.js').Work & { name: string, title: string, path: string, unit: string }}
 * Scenario
 */

/** @type {Scenario[]} The work that is measured. */
export const SCENARIOS = [
  {
    name: 'one',
    kind: 'roundtrip',
    path: '/echo',
    unit: 'message',
    connections: 100,
    window: 1,
    title: 'round trip: 100 connections, 1 message in flight on each'
  },
  {
    name: 'four',
    kind: 'roundtrip',
    path: '/echo',
    unit: 'message',
    connections: 100,
    window: 4,
    title: 'round trip: 100 connections, 4 messages in flight on each'
  },
  {
    name: 'many',
    kind: 'roundtrip',
    path: '/echo',
    unit: 'message',
    connections: 50,
    window: 32,
    title: 'round trip: 50 connections, 32 messages in flight on each'
  },
  {
    name: 'async',
    kind: 'roundtrip',
    path: '/later',
    unit: 'message',
    connections: 50,
    window: 32,
    title: 'round trip: as before, with handlers that await something'
  },
  {
    name: 'fanout1',
    kind: 'fanout',
    path: '/room',
    unit: 'delivery',
    connections: 1001,
    window: 1,
    title: 'fan-out: 1,000 members, 1 broadcast in flight'
  },
  {
    name: 'fanout8',
    kind: 'fanout',
    path: '/room',
    unit: 'delivery',
    connections: 1001,
    window: 8,
    title: 'fan-out: 1,000 members, 8 broadcasts in flight'
  },
  {
    name: 'handshake',
    kind: 'handshake',
    path: '/echo',
    unit: 'handshake',
    connections: 2000,
    window: 50,
    title: 'handshakes: 2,000, 50 at once'
  }
]
