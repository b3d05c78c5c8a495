/** The part of a FastifyRequest that the check reads. */
export interface HostSubject {
  readonly protocol: string | undefined
  readonly host: string | undefined
}

/** An entry of the option, without its wildcard. */
interface Entry {
  readonly name: string
  readonly port: string | undefined
}

const HOST = /^(\[[\da-f:.]+\]|[^\s,:/\\?#@[\]*\p{Cc}]+)(?::(\d{1,5}))?$/iu
const EXAMPLES = '\'chat.example\', \'*.chat.example\' or \'localhost:3000\''
const WILDCARD = /^\*\./
const LABELS = /^[a-z\d_-]+(?:\.[a-z\d_-]+)*$/

/**
 * Reads the option `host` once. An entry without a port holds for every port.
 * @returns the check of a handshake.
 * @throws TypeError for an entry that could never match.
 *
 * @example
 * compileHost(['chat.example', '*.chat.example', 'localhost:3000'])(request)
 */
export function compileHost (entries: readonly string[] | undefined): (request: HostSubject) => boolean {
  if (entries === undefined) return () => true
  const exact = entries.filter((entry) => !WILDCARD.test(entry)).map(entryOf)
  const families = entries.filter((entry) => WILDCARD.test(entry)).map((entry) => entryOf(entry.replace(WILDCARD, '')))
  return ({ host = '', protocol }) => {
    const [, sent, port = protocol === 'https' ? '443' : '80'] = HOST.exec(host) ?? []
    if (sent === undefined) return false
    const name = sent.toLowerCase()
    const isAt = (entry: Entry): boolean => entry.port === undefined || entry.port === port
    return exact.some((entry) => entry.name === name && isAt(entry)) || families.some((entry) => isBelow(name, entry.name) && isAt(entry))
  }
}

function isBelow (name: string, parent: string): boolean {
  return name.endsWith(`.${parent}`) && LABELS.test(name.slice(0, -parent.length - 1))
}

function entryOf (entry: string): Entry {
  const [, name, port] = HOST.exec(entry) ?? []
  if (name === undefined || !URL.canParse(`http://${name}`)) {
    throw new TypeError(`${JSON.stringify(entry)} is no host: write a name as it stands in an address, ${EXAMPLES}`)
  }
  // A name in Unicode travels in ASCII.
  return { name: new URL(`http://${name}`).hostname, port }
}
