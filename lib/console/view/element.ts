/** The element with an id, which index.html has. */
export function byId<T extends HTMLElement = HTMLElement> (id: string): T {
  return document.getElementById(id) as T
}

/** Makes an element; texts become text nodes, never markup. */
export function make<Name extends keyof HTMLElementTagNameMap> (
  name: Name,
  properties: Partial<HTMLElementTagNameMap[Name]> = {},
  ...children: Array<Node | string>
): HTMLElementTagNameMap[Name] {
  const element = Object.assign(document.createElement(name), properties)
  element.append(...children)
  return element
}

export function button (text: string, onclick: () => void): HTMLButtonElement {
  return make('button', { type: 'button', onclick }, text)
}

/** Fills a list of choices; those of a group stand together. */
export function fill (select: HTMLSelectElement, options: ReadonlyArray<readonly [value: string, text: string, group?: string]>): void {
  const groups = new Map<string, HTMLElement>()
  select.replaceChildren()
  for (const [value, text, group = ''] of options) {
    const parent = groups.get(group) ?? (group === '' ? select : make('optgroup', { label: group }))
    if (!groups.has(group) && group !== '') select.append(parent)
    groups.set(group, parent)
    parent.append(make('option', { value }, text))
  }
}

/** Tells a screen reader, and nobody else. */
export function tell (text: string): void {
  byId('told').textContent = text
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
