import type { Case } from './trial.js'
import { binary } from './binary.js'
import { calls } from './calls.js'
import { events } from './events.js'
import { heartbeat } from './heartbeat.js'
import { reconnecting } from './reconnecting.js'
import { recovery } from './recovery.js'
import { refusals } from './refusals.js'
import { serverCalls } from './server-calls.js'
import { streams } from './streams.js'

export const cases: readonly Case[] = [
  ...events, ...calls, ...streams, ...serverCalls, ...binary, ...reconnecting, ...refusals, ...heartbeat, ...recovery
]
