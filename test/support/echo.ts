// The contract of tests that need any contract: one event each way.
import { Type } from '@sinclair/typebox'
import { defineContract, type WebSocketRouteOptions } from '../../lib/index.js'

const Text = Type.Object({ text: Type.String() })

export const echo = defineContract({
  name: 'echo.v1',
  clientToServer: { say: Text },
  serverToClient: { said: Text }
})

/** A route that answers every `say` with a `said` of the same text. */
export const echoRoute: WebSocketRouteOptions<typeof echo> = {
  contract: echo,
  on: { say: ({ text }, socket) => socket.send('said', { text }) }
}
