import { meaningOf } from '../../close-codes.js'
import { isFinal, REFUSAL } from '../../protocol.js'
import type { Route } from '../page/document.js'
import { createLog, type Frame, type FrameLog } from '../page/frames.js'
import { joined } from '../page/text.js'

/** The WebSocket of the page; it comes back only when it is asked to. */

export const log: FrameLog = createLog()
export let state: 'closed' | 'connecting' | 'open' = 'closed'
let ws: WebSocket
let onState: (words: string) => void
let onFrame: (frame: Frame) => void

/** Whom a new state, in words, and each frame are told. */
export function listen (toState: typeof onState, toFrame: typeof onFrame): void {
  onState = toState
  onFrame = toFrame
}

/** @throws where the URL or a subprotocol cannot be. */
export function open (route: Route, url: string, subprotocol: string, token: string): void {
  const { isTyped, closeCodes } = route
  const startMs = performance.now()
  // A typed route tells by a close why it refuses.
  const protocols = [subprotocol, isTyped && subprotocol && REFUSAL, token && `bearer.${token}`]
  ws = new WebSocket(url, protocols.filter((protocol) => typeof protocol === 'string' && protocol !== '') as string[])
  ws.binaryType = 'arraybuffer'
  log.open(route)
  change('connecting', 'Connecting')
  ws.onopen = () => {
    if (ws.protocol === REFUSAL) return
    note('open', joined(', speaks ', `${url} after ${Math.round(performance.now() - startMs)} ms`, ws.protocol))
    change('open', 'Connected')
  }
  ws.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
    onFrame(log.message('received', typeof data === 'string' ? data : new Uint8Array(data), Date.now()))
  }
  ws.onclose = ({ code, reason }) => {
    log.open(route)
    const end = ws.protocol === REFUSAL ? 'Refused' : 'Closed'
    const meaning = `${code} ${meaningOf(code, closeCodes, isTyped)}`
    const after = isTyped ? `; a client ${isFinal(code) ? 'stays away' : 'comes back'}` : ''
    note(end.toLowerCase(), joined(', ', meaning, reason && `"${reason}"`) + after, code !== 1000)
    change('closed', `${end}: ${meaning}`)
  }
}

export function send (...data: ReadonlyArray<string | Uint8Array<ArrayBuffer>>): void {
  if (state !== 'open') return
  for (const part of data) {
    ws.send(part)
    onFrame(log.message('sent', part, Date.now()))
  }
}

/** @throws where a page may not close with this code. */
export function close (code: number): void {
  ws.close(code)
}

function note (type: string, text: string, isError = false): void {
  onFrame(log.add({ at: Date.now(), direction: 'connection', type, text, isError }))
}

function change (to: typeof state, words: string): void {
  state = to
  onState(words)
}
