import type { ClientOptions, WebSocketConstructor } from '../../types/client.js'
import { invalidOption } from './errors.js'

/**
 * The options of a client that offers one subprotocol more, beside the one of its contract.
 *
 * @param option - by which the app asks for it.
 * @throws FST_TYPED_WS_INVALID_OPTION
 */
export function offering (subprotocol: string, option: string, options: ClientOptions): ClientOptions {
  if (!options.protocol) throw invalidOption(`The option ${option} needs the option protocol`)
  const { WebSocket: Base = (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket } = options
  return {
    ...options,
    // The client says that a class is missing.
    WebSocket: (Base && class extends Base {
      constructor (url: string, protocols: string[]) {
        super(url, [...protocols, subprotocol])
      }
    })!
  }
}
