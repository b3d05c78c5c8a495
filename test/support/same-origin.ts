// A WebSocket for typed clients in Node.js: it names the origin of its server, as that of a page
// does.
import { WebSocket } from 'ws'

export class SameOriginWebSocket extends WebSocket {
  constructor (url: string, protocols: string[]) {
    super(url, protocols, { origin: new URL(url).origin.replace('ws', 'http') })
  }
}
