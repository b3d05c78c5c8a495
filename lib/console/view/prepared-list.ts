import { readPrepared, replaced, type Prepared } from '../page/prepared.js'
import { edit } from './composer.js'
import { attempted, button, make, onSubmit, page, replaceChildren } from './element.js'
import { route } from './route-form.js'

/** The prepared messages of the route, which the page's storage keeps. */

let list: readonly Prepared[]
let key: string

onSubmit(page.prepare, page.preparedNote, () => {
  const name = page.preparedName.value
  page.preparedName.value = ''
  keep(replaced(list, name, { name, message: page.message.value, text: page.text.value }))
})

/** Shows those of the route, in a document. */
export function showPrepared (document: string): void {
  key = `fastify-typed-ws/console ${document} ${route.id}`
  list = readPrepared(() => localStorage, key)
  show()
}

function show (): void {
  page.preparedCount.textContent = String(list.length || '')
  replaceChildren(page.preparedList, ...list.map(({ name, message, text }) => {
    const remove = button('×', () => {
      page.preparedName.focus()
      void attempted(page.preparedNote, () => keep(replaced(list, name)))
    })
    remove.ariaLabel = `Remove ${name}`
    return make('li', {}, button(name, () => edit(message, text)), remove)
  }))
}

// Shows them before the storage may fail.
function keep (next: readonly Prepared[]): void {
  list = next
  show()
  localStorage.setItem(key, JSON.stringify(list))
}
