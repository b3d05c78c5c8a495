// The page of react.test.ts: a room that shows its state and the texts that are said in it.
import { createElement, StrictMode, useEffect, useState, type ReactElement } from 'react'
import { createRoot } from 'react-dom/client'
import { useTypedWs } from '../../examples/react/use-typed-ws.js'
import type { chat } from './react.test.js'

function Room ({ name }: { readonly name: string }): ReactElement {
  const { client, state } = useTypedWs<typeof chat>(`/rooms/${name}`, { protocol: 'chat.v1' })
  const [states, setStates] = useState<string[]>([])
  const [lines, setLines] = useState<string[]>([])
  useEffect(() => setStates((states) => [...states, state]), [state])
  useEffect(() => client?.on('line', ({ text }) => setLines((lines) => [...lines, text])), [client])
  return createElement('main', null,
    createElement('h1', null, `${name} ${state}`),
    createElement('output', null, states.join(' ')),
    createElement('button', { onClick: () => client?.send('say', { text: `hello ${name}` }) }, 'Say'),
    lines.map((line, i) => createElement('p', { key: i }, line)))
}

function Page (): ReactElement {
  const [room, setRoom] = useState<string | undefined>('lobby')
  return createElement('div', null,
    createElement('button', { onClick: () => setRoom('attic') }, 'Move'),
    createElement('button', { onClick: () => setRoom(undefined) }, 'Leave'),
    room !== undefined && createElement(Room, { name: room }))
}

createRoot(document.body).render(createElement(StrictMode, null, createElement(Page)))
