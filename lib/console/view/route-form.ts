import { urlOf, type Api, type Field, type Route } from '../page/document.js'
import type { Connection } from './connection.js'
import { byId, fill, make } from './element.js'

/** The route, the inputs of its handshake, and the buttons that open and close. */
export class RouteForm {
  readonly #api: Api
  readonly #connection: Connection
  readonly #onRoute: (route: Route) => void
  readonly #inputs = new Map<Field, HTMLInputElement | HTMLSelectElement>()
  #route: Route

  constructor (api: Api, connection: Connection, onRoute: (route: Route) => void) {
    this.#api = api
    this.#connection = connection
    this.#onRoute = onRoute
    this.#route = api.routes[0]!
    const select = byId<HTMLSelectElement>('route')
    fill(select, api.routes.map(({ id, title, address }) => [id, title === address ? address : `${address} · ${title}`]))
    select.onchange = () => this.#choose()
    byId('handshake').oninput = () => this.#showUrl()
    byId('connection').onsubmit = (event) => {
      event.preventDefault()
      this.#try(() => this.#connect())
    }
    byId('disconnect').onclick = () => this.#try(() => connection.close(Number(byId<HTMLInputElement>('code').value)))
    this.#choose()
  }

  /** Shows the state of the connection; a route is chosen, and filled in, between two of them. */
  show (): void {
    const isClosed = this.#connection.state === 'closed'
    byId<HTMLFieldSetElement>('handshake').disabled = !isClosed
    const hadFocus = [byId('connect'), byId('disconnect')].includes(document.activeElement as HTMLElement)
    byId('connect').hidden = !isClosed
    byId('closing').hidden = isClosed
    byId('disconnect').hidden = isClosed
    // The button that had the focus is gone.
    if (hadFocus) byId(isClosed ? 'connect' : 'disconnect').focus()
  }

  #choose (): void {
    const id = byId<HTMLSelectElement>('route').value
    this.#route = this.#api.routes.find((route) => route.id === id)!
    const { words, parameters, query, subprotocol } = this.#route
    byId('route-words').textContent = words
    byId<HTMLInputElement>('subprotocol').value = subprotocol
    this.#inputs.clear()
    byId('fields').replaceChildren(...parameters.map((field) => this.#field(field, '')), ...query.map((field) => this.#field(field, '?')))
    this.#showUrl()
    this.#onRoute(this.#route)
  }

  #field (field: Field, mark: string): HTMLElement {
    const input = field.values.length > 0 ? make('select') : make('input', { autocomplete: 'off', spellcheck: false })
    if (input instanceof HTMLSelectElement) fill(input, ['', ...field.values].map((value) => [value, value || 'none']))
    input.value = field.value
    this.#inputs.set(field, input)
    const label = make('label', {}, `${mark}${field.name} `, input)
    if (field.description !== '') label.append(make('small', {}, field.description))
    return label
  }

  #url (): string {
    const valuesOf = (fields: readonly Field[]) => Object.fromEntries(fields.map((field) => [field.name, this.#inputs.get(field)!.value]))
    return urlOf(this.#route, valuesOf(this.#route.parameters), valuesOf(this.#route.query), location.origin)
  }

  #showUrl (): void {
    byId('url').textContent = this.#url()
  }

  #connect (): void {
    const [subprotocol, token] = ['subprotocol', 'token'].map((id) => byId<HTMLInputElement>(id).value)
    this.#connection.open(this.#route, this.#url(), subprotocol!, token!)
  }

  #try (act: () => void): void {
    byId('connection-problem').textContent = ''
    try {
      act()
    } catch (error) {
      byId('connection-problem').textContent = (error as Error).message
    }
  }
}
