import { meaningOf } from '../../close-codes.js'
import { isFinal, REFUSAL } from '../../protocol.js'
import type { Route } from '../page/document.js'
import { FrameLog, type Frame } from '../page/frames.js'

export type State = 'closed' | 'connecting' | 'open'

/** The WebSocket of the page; it comes back only when it is asked to. */
export class Connection {
  readonly log: FrameLog = new FrameLog()
  state: State = 'closed'
  readonly #onState: (words: string) => void
  readonly #onFrame: (frame: Frame) => void
  #ws: WebSocket | undefined

  constructor (onState: (words: string) => void, onFrame: (frame: Frame) => void) {
    this.#onState = onState
    this.#onFrame = onFrame
  }

  /** @throws where the URL or a subprotocol cannot be. */
  open (route: Route, url: string, subprotocol: string, token: string): void {
    // A typed route tells by a close why it refuses.
    const protocols = [subprotocol, ...route.isTyped && subprotocol !== '' ? [REFUSAL] : [], ...token === '' ? [] : [`bearer.${token}`]]
    const ws = new WebSocket(url, protocols.filter((protocol) => protocol !== ''))
    ws.binaryType = 'arraybuffer'
    this.#ws = ws
    this.log.open(route)
    this.#change('connecting', 'Connecting')
    const startMs = performance.now()
    ws.onopen = () => {
      if (ws.protocol === REFUSAL) return
      this.#note('open', `${url} after ${Math.round(performance.now() - startMs)} ms${ws.protocol && `, speaks ${ws.protocol}`}`)
      this.#change('open', 'Connected')
    }
    ws.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      this.#onFrame(this.log.received(typeof data === 'string' ? data : new Uint8Array(data), Date.now()))
    }
    ws.onclose = ({ code, reason }) => this.#closed(route, code, reason, ws.protocol === REFUSAL)
  }

  send (...data: ReadonlyArray<string | Uint8Array<ArrayBuffer>>): void {
    if (this.state !== 'open') return
    for (const part of data) {
      this.#ws!.send(part)
      this.#onFrame(this.log.sent(part, Date.now()))
    }
  }

  /** @throws where a page may not close with this code. */
  close (code: number): void {
    this.#ws?.close(code)
  }

  #closed (route: Route, code: number, reason: string, isRefused: boolean): void {
    this.log.close()
    const after = route.isTyped ? `; a client ${isFinal(code) ? 'stays away' : 'comes back'}` : ''
    const meaning = meaningOf(code, route.closeCodes, route.isTyped)
    this.#note(isRefused ? 'refused' : 'closed', `${code} ${meaning}${reason && `, "${reason}"`}${after}`, code !== 1000)
    this.#change('closed', `${isRefused ? 'Refused' : 'Closed'}: ${code} ${meaning}`)
  }

  #note (type: string, text: string, isError = false): void {
    this.#onFrame(this.log.note(type, text, Date.now(), isError))
  }

  #change (state: State, words: string): void {
    this.state = state
    this.#onState(words)
  }
}
