/** A place in the keys below it, and what follows each of its letters; or the end: one value. */
interface Node<T> {
  readonly at: number
  readonly next: ReadonlyMap<number, Node<T>> | undefined
  readonly value: T | undefined
}

type Pairs<T> = ReadonlyArray<readonly [key: string, value: T]>

/**
 * A Patricia tree: it looks only at the letters in which keys differ. The key that it finds is the
 * only one that a text can begin with, and the text is still to be compared with it.
 */
export class NameTree<T> {
  readonly #root: Node<T>

  /** @param pairs - no key is the beginning of another one. */
  constructor (pairs: Pairs<T>) {
    this.#root = nodeOf(pairs)
  }

  /** The value of the only key that the text can begin with, from a place on. */
  find (text: string, start: number): T | undefined {
    let node: Node<T> | undefined = this.#root
    while (node?.next !== undefined) node = node.next.get(text.charCodeAt(start + node.at))
    return node?.value
  }
}

function nodeOf<T> (pairs: Pairs<T>): Node<T> {
  let at = 0
  if (pairs.length < 2) return { at, next: undefined, value: pairs[0]?.[1] }
  while (pairs.every(([key]) => key.charCodeAt(at) === pairs[0]![0].charCodeAt(at))) at++
  const next = new Map<number, Node<T>>()
  for (const letter of new Set(pairs.map(([key]) => key.charCodeAt(at)))) {
    next.set(letter, nodeOf(pairs.filter(([key]) => key.charCodeAt(at) === letter)))
  }
  return { at, next, value: undefined }
}
