import { urlOf, type Api, type Field, type Route } from '../page/document.js'
import { joined } from '../page/text.js'
import { close, open, state } from './connection.js'
import { fill, make, onSubmit, page } from './element.js'

/** The route, the inputs of its handshake, and the buttons that open and close. */

export let api: Api
export let route: Route

/** Lists the routes of a document; each that is chosen is told. */
export function listRoutes (listed: Api, onRoute: () => void): void {
  api = listed
  fill(page.route, api.routes.map(({ title, address }, i) => [String(i), joined(' · ', address, title !== address && title)]))
  page.route.onchange = choose
  page.handshake.oninput = showUrl
  onSubmit(page.connection, page.connectProblem, () => {
    if (state === 'closed') open(route, url(), page.subprotocol.value, page.token.value)
    else close(Number(page.code.value))
  })
  choose()

  function choose (): void {
    route = api.routes[Number(page.route.value)]!
    page.routeWords.textContent = route.words
    page.subprotocol.value = route.subprotocol
    page.fields.replaceChildren(...route.fields.map(inputOf))
    showUrl()
    onRoute()
  }
}

/** Shows the state of the connection; a route is chosen, and filled in, between two of them. */
export function showState (): void {
  const isClosed = state === 'closed'
  page.handshake.disabled = !isClosed
  page.closing.hidden = isClosed
  page.connect.textContent = isClosed ? 'Connect' : 'Close'
}

function inputOf ({ name, description, values, value }: Field): HTMLElement {
  const input = values.length > 0 ? make('select') : make('input', { autocomplete: 'off', spellcheck: false })
  fill(input, values.length > 0 ? ['', ...values].map((value) => [value, value || 'none']) : [])
  Object.assign(input, { name, value })
  return make('label', {}, `${name} `, input, make('small', {}, description))
}

function url (): string {
  const inputs = page.fields.querySelectorAll<HTMLInputElement>('[name]')
  return urlOf(route, Object.fromEntries(Array.from(inputs, ({ name, value }) => [name, value])), location.origin)
}

function showUrl (): void {
  page.url.textContent = url()
}
