/** A text between nodes, taken apart. */
export interface Envelope {
  readonly kind: 'event' | 'stored' | 'question' | 'answer'
  /** The node that sent it; of a stored event, the connection or client that published it. */
  readonly node: string
  /** The name of an event, or the number of a question. */
  readonly name: string
  readonly text: string
}

const VERSION = '1'
const KINDS: Readonly<Record<string, Envelope['kind']>> = { E: 'event', S: 'stored', Q: 'question', A: 'answer' }
const LETTERS = { event: 'E', stored: 'S', question: 'Q', answer: 'A' } as const
// JSON, because a name may have a line break; plain otherwise, because that is cheaper.
const PLAIN = /^[^"\n][^\n]*$/

/** One line for the nodes, then the text, untouched: `1E<node> <name>`, a line break, the text. */
export function wrap ({ kind, node, name, text }: Envelope): string {
  return `${VERSION}${LETTERS[kind]}${node} ${PLAIN.test(name) ? name : JSON.stringify(name)}\n${text}`
}

/** @returns undefined for a text of another version. */
export function unwrap (message: string): Envelope | undefined {
  const [space, end] = [message.indexOf(' '), message.indexOf('\n')]
  const kind = KINDS[message[1]!]
  if (!message.startsWith(VERSION) || kind === undefined || space < 0 || end < space) return undefined
  const written = message.slice(space + 1, end)
  const name = written.startsWith('"') ? JSON.parse(written) as string : written
  return { kind, node: message.slice(2, space), name, text: message.slice(end + 1) }
}
