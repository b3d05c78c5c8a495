import { isRecord } from './record.js'
import { show } from './show.js'

/** The parts of a call or a stream that are for people. */
export const WORDS: readonly string[] = ['summary', 'description', 'deprecated', 'examples']

type Fields = Readonly<Record<string, unknown>>

/** The reason why a value is no text for people; `undefined` when it is one, or absent. */
export function explainNoText (where: string, text: unknown): string | undefined {
  if (text === undefined || (typeof text === 'string' && text.trim() !== '')) return undefined
  return `${where} is a text for people: write ${where.split('.').at(-1)}: '…', or leave it out, instead of ${show(text)}`
}

/** The reason why close codes cannot be the application's; `undefined` when they can. */
export function explainCloseCodes (codes: unknown): string | undefined {
  if (codes === undefined) return undefined
  if (!isRecord(codes)) return 'closeCodes is an object of meanings by code: write closeCodes: { 4001: \'The room is full\' }'
  for (const [code, meaning] of Object.entries(codes)) {
    if (!/^4\d{3}$/.test(code)) return `closeCodes.${code}: the application's close codes are those from 4000 to 4999`
    const reason = explainNoText(`closeCodes.${code}`, meaning ?? null)
    if (reason !== undefined) return reason
  }
  return undefined
}

/**
 * The reason why the words of a call or a stream cannot be shown; `undefined` when they can.
 *
 * @param answer - the part that answers: an example has its value, or a list of values of a stream.
 */
export function explainWords (words: Fields, where: string, answer: 'reply' | 'stream'): string | undefined {
  const { summary, description, deprecated, examples = [] } = words
  const reason = explainNoText(`${where}.summary`, summary) ?? explainNoText(`${where}.description`, description)
  if (reason !== undefined) return reason
  if (deprecated !== undefined && typeof deprecated !== 'boolean') return `${where}.deprecated is true or false, not ${show(deprecated)}`
  const isList = Array.isArray(examples) && examples.every((example) => isExample(example, answer))
  if (isList) return undefined
  const form = answer === 'reply' ? '{ request: {}, reply: {} }' : '{ request: {}, stream: [{}] }'
  return `${where}.examples is a list of examples: write examples: [${form}], each with a name and a summary if you like`
}

function isExample (example: unknown, answer: 'reply' | 'stream'): boolean {
  if (!isRecord(example) || !isRecord(example['request'])) return false
  const { name, summary, [answer]: answered } = example
  if (answer === 'stream' && answered !== undefined && !Array.isArray(answered)) return false
  const parts = ['name', 'summary', 'request', answer]
  if (!Object.keys(example).every((part) => parts.includes(part))) return false
  return [name, summary].every((text) => explainNoText('text', text) === undefined)
}
