import { readDocument, type Api } from '../page/document.js'
import { durationText } from '../page/bytes.js'
import { parsed, type Frame } from '../page/frames.js'
import { Composer } from './composer.js'
import { Connection } from './connection.js'
import { batched, byId, tell } from './element.js'
import { FrameDetail } from './frame-detail.js'
import { FrameList } from './frame-list.js'
import { FrameTools } from './frame-tools.js'
import { PreparedList } from './prepared-list.js'
import { RouteForm } from './route-form.js'

const source = new URLSearchParams(location.search).get('document') ?? document.documentElement.dataset['document']!

try {
  start(await load())
} catch (error) {
  byId('problem').hidden = false
  byId('problem').textContent = `${source}: ${(error as Error).message}`
}

async function load (): Promise<Api> {
  const url = new URL(source, location.href)
  if (url.origin !== location.origin) throw new Error('The document must be of this origin.')
  const response = await fetch(url)
  if (!response.ok) throw new Error(`The server answers ${response.status} ${response.statusText}.`)
  const api = readDocument(await response.json(), location.host)
  if (api.routes.length === 0) throw new Error('The document has no channel: declare a route after the document\'s plugin.')
  return api
}

function start (api: Api): void {
  byId('title').textContent = api.title
  document.title = `${api.title} · Console`
  const connection = new Connection(onState, onFrame)
  const composer = new Composer(api, connection)
  const detail = new FrameDetail(composer, connection)
  const list = new FrameList((frame) => detail.show(frame))
  const tools = new FrameTools(connection, list)
  const prepared = new PreparedList(composer, new URL(source, location.href).pathname)
  const form = new RouteForm(api, connection, (route) => {
    composer.setRoute(route)
    tools.setRoute(route)
    prepared.setRoute(route)
  })
  const showState = batched(() => composer.showState())

  function onState (words: string): void {
    document.body.dataset['state'] = connection.state
    byId('state').textContent = words
    form.show()
    detail.show(undefined)
    list.select(undefined)
    showState()
  }

  function onFrame (frame: Frame): void {
    tools.add(frame)
    showState()
    announce(frame)
  }
}

// Errors and ends only: a hundred messages in a second are not read aloud.
function announce ({ direction, type, text, question, waitedMs, isError }: Frame): void {
  if (direction !== 'received') return
  const said = parsed(text)?.['message']
  const message = typeof said === 'string' ? said : ''
  if (isError) tell(`Error${question === undefined ? '' : ` of ${question.type}`}: ${message}`)
  else if (question !== undefined && waitedMs === undefined && !question.isOurs) tell(`The server asks: ${question.type}`)
  else if (type === '$reply' || type === '$done') {
    tell(`${question?.type ?? type} ${type === '$done' ? 'is over' : 'is answered'} after ${durationText(waitedMs ?? 0)}`)
  }
}
