#!/usr/bin/env node
// Starts the installed Firefox for Playwright, which has a build of its own and speaks WebDriver
// BiDi with this one. Playwright overrides the media features of each context: a command that not
// every Firefox knows is answered here.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { WebSocket, WebSocketServer } from 'ws'

const ANSWERED = 'emulation.setMediaFeaturesOverride'

const child = spawn(process.env.FIREFOX ?? 'firefox-esr', process.argv.slice(2), { stdio: ['ignore', 'inherit', 'pipe'] })
child.once('exit', (code) => process.exit(code ?? 1))
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill(signal))

for await (const line of createInterface(child.stderr)) {
  const [, url] = /^WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? []
  if (url === undefined) console.error(line)
  else serve(url)
}

/** @param {string} url */
function serve (url) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('listening', () => console.error(`WebDriver BiDi listening on ws://127.0.0.1:${server.address().port}`))
  server.on('connection', (ws, request) => connect(ws, new WebSocket(url + request.url)))
}

/** @param {WebSocket} playwright @param {WebSocket} firefox */
function connect (playwright, firefox) {
  /** @type {string[]} */
  const waiting = []
  playwright.on('message', (data) => {
    const text = textOf(data)
    const { id, method } = JSON.parse(text)
    if (method === ANSWERED) playwright.send(JSON.stringify({ type: 'success', id, result: {} }))
    else if (firefox.readyState === WebSocket.OPEN) firefox.send(text)
    else waiting.push(text)
  })
  firefox.on('open', () => { for (const text of waiting) firefox.send(text) })
  firefox.on('message', (data) => playwright.send(textOf(data)))
  playwright.on('close', () => firefox.close())
  firefox.on('close', () => playwright.close())
  // A close follows each.
  for (const ws of [playwright, firefox]) ws.on('error', (error) => console.error(error))
}

/** @param {unknown} data */
function textOf (data) {
  return Buffer.isBuffer(data) ? data.toString('utf8') : ''
}
