type Names = 'actions' | 'binary' | 'body' | 'clear' | 'closing' | 'connect' | 'connectProblem' | 'copy' | 'count' | 'detail' |
  'detailTitle' | 'detailWords' | 'fields' | 'hints' | 'json' | 'list' | 'main' | 'messageWords' | 'open' | 'pause' | 'preparedCount' |
  'preparedList' | 'preparedNote' | 'problem' | 'routeWords' | 'rows' | 'sample' | 'schema' | 'sendProblem' | 'state' | 'title' | 'told' |
  'type' | 'url'
type Elements = Record<Names, HTMLElement> &
  Record<'code' | 'file' | 'pings' | 'preparedName' | 'search' | 'subprotocol' | 'token', HTMLInputElement> &
  Record<'direction' | 'message' | 'ofType' | 'route', HTMLSelectElement> & Record<'hex' | 'text', HTMLTextAreaElement> &
  Record<'ping' | 'send', HTMLButtonElement> & Record<'composer' | 'connection' | 'prepare', HTMLFormElement> &
  Record<'handshake', HTMLFieldSetElement>

/** The elements of index.html, by their ids. */
export const page = Object.fromEntries(Array.from(document.querySelectorAll('[id]'), (element) => [element.id, element])) as Elements

type Child = Node | string | false | undefined

/** Makes an element; texts become text nodes, never markup. */
export function make<Name extends keyof HTMLElementTagNameMap> (
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const element = Object.assign(document.createElement(name), properties)
  replaceChildren(element, ...children)
  return element
}

/** Replaces the children of an element by those that are there. */
export function replaceChildren (element: HTMLElement, ...children: Child[]): void {
  element.replaceChildren(...children.filter(Boolean) as Array<Node | string>)
}

export function button (text: string, onclick: () => void): HTMLButtonElement {
  return make('button', { type: 'button', onclick }, text)
}

/** Fills a list of choices; those of a group follow each other. */
export function fill (select: HTMLElement, options: ReadonlyArray<readonly [value: string, text: string, group?: string]>): void {
  select.replaceChildren()
  let parent: HTMLElement & { label?: string } = select
  for (const [value, text, group] of options) {
    if (group && parent.label !== group) select.append(parent = make('optgroup', { label: group }))
    parent.append(make('option', { value }, text))
  }
}

/** Does what a form is for, and shows beside it why that cannot be done. */
export function onSubmit (form: HTMLFormElement, problem: HTMLElement, act: () => unknown): void {
  form.onsubmit = (event) => {
    event.preventDefault()
    void attempted(problem, act)
  }
}

/** Does something, and shows why it cannot be done. */
export async function attempted (problem: HTMLElement, act: () => unknown): Promise<void> {
  problem.textContent = ''
  try {
    await act()
  } catch (error) {
    problem.textContent = (error as Error).message
  }
}

/** Calls back once per animation frame, however often it is asked for. */
export function batched (draw: () => void): () => void {
  let isAsked = false
  return () => {
    if (isAsked) return
    isAsked = true
    requestAnimationFrame(() => {
      isAsked = false
      draw()
    })
  }
}
