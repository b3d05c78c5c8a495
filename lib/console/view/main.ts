import { NEXT } from '../../protocol.js'
import { readDocument, type Api } from '../page/document.js'
import { durationText } from '../page/bytes.js'
import { parsed, type Frame } from '../page/frames.js'
import { recordOf } from '../page/references.js'
import { joined, textOf } from '../page/text.js'
import { showQuestions, showRoute } from './composer.js'
import { listen, state } from './connection.js'
import { attempted, batched, page } from './element.js'
import { add, draw, select, showTypes } from './frame-list.js'
import { showPrepared } from './prepared-list.js'
import { listRoutes, showState } from './route-form.js'

const source = new URLSearchParams(location.search).get('document') ?? document.documentElement.dataset['document']!
const url = new URL(source, location.href)

page.title.textContent = source
void attempted(page.problem, async () => start(await load()))

async function load (): Promise<Api> {
  if (url.origin !== location.origin) throw new Error('The document must be of this origin.')
  const response = await fetch(url)
  if (!response.ok) throw new Error(`The server answers ${response.status} ${response.statusText}.`)
  const api = readDocument(await response.json(), location.host)
  if (api.routes.length === 0) throw new Error('The document has no channel: declare a route after its plugin.')
  return api
}

function start (api: Api): void {
  page.title.textContent = api.title
  document.title = `${api.title} · Console`
  const drawSoon = batched(() => {
    draw()
    showQuestions()
  })
  listen((words) => {
    document.body.dataset['state'] = state
    page.state.textContent = words
    showState()
    select(undefined)
    drawSoon()
  }, (frame) => {
    add(frame)
    drawSoon()
    announce(frame)
  })
  listRoutes(api, () => {
    showRoute()
    showTypes()
    showPrepared(url.pathname)
  })
  page.main.hidden = false
}

// Errors and ends only: a hundred messages in a second are not read aloud.
function announce ({ direction, type, text, question, waitedMs, isError }: Frame): void {
  if (direction !== 'received' || type === NEXT || !(isError || question)) return
  page.told.textContent = joined(
    ' ',
    type,
    question && (waitedMs === undefined ? 'waits for your answer' : `of ${question.type} after ${durationText(waitedMs)}`),
    textOf(recordOf(parsed(text))['message'])
  )
}
