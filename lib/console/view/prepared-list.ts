import type { Route } from '../page/document.js'
import { PreparedMessages } from '../page/prepared.js'
import type { Composer } from './composer.js'
import { byId, button, make } from './element.js'

/** The prepared messages of the route, which the page's storage keeps. */
export class PreparedList {
  readonly #composer: Composer
  readonly #document: string
  #messages: PreparedMessages

  constructor (composer: Composer, document: string) {
    this.#composer = composer
    this.#document = document
    this.#messages = new PreparedMessages(undefined, document, '')
    byId('prepare').onsubmit = (event) => {
      event.preventDefault()
      this.#save(byId<HTMLInputElement>('prepared-name'))
    }
  }

  setRoute ({ id }: Route): void {
    this.#messages = new PreparedMessages(storage(), this.#document, id)
    this.#show()
  }

  #save (input: HTMLInputElement): void {
    const name = input.value.trim()
    if (name === '') return
    const isKept = this.#messages.save({ name, ...this.#composer.current })
    byId('prepared-note').textContent = isKept ? `Saved: ${name}` : 'This browser stores nothing here: it is kept until the page is left.'
    input.value = ''
    this.#show()
  }

  #show (): void {
    const { list } = this.#messages
    byId('prepared-count').textContent = list.length === 0 ? '' : String(list.length)
    byId('prepared-list').replaceChildren(...list.map(({ name, message, text }) => {
      const remove = button('×', () => {
        this.#messages.remove(name)
        this.#show()
        byId('prepared-name').focus()
      })
      remove.ariaLabel = `Remove ${name}`
      return make('li', {}, button(name, () => this.#composer.edit(message, text)), remove)
    }))
  }
}

function storage (): Storage | undefined {
  try {
    return localStorage
  } catch {
    return undefined
  }
}
