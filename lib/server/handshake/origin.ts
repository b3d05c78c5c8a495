import type { OriginOption } from '../../../types/options.js'
import { isNamed } from './request.js'

/**
 * The part of a FastifyRequest that the check reads. A request of `injectWS` has neither
 * `rawHeaders` nor a protocol.
 */
export interface OriginSubject {
  readonly protocol: string | undefined
  readonly host: string | undefined
  readonly raw: {
    readonly headers: Readonly<Record<string, string | string[] | undefined>>
    readonly rawHeaders?: readonly string[]
  }
}

/** `missing` is apart from `refused` so that the refusal can name `allowMissingOrigin`. */
export type OriginVerdict = 'admitted' | 'missing' | 'refused'

type Rule<Request> = (origin: string, request: Request) => boolean | Promise<boolean>

const NONE: readonly string[] = []

// Traefik sends X-Forwarded-Proto: wss (traefik#6388), where the page's scheme is https.
const pageSchemes: ReadonlyMap<string, string> = new Map([
  ['http', 'http'],
  ['https', 'https'],
  ['ws', 'http'],
  ['wss', 'https']
])

// RFC 6454 §7.1 allows a list, and Node joins two headers with a comma: neither names one origin.
const notOne = /^$|[\s,\p{Cc}]/u
const noScheme = /^(?![a-z][a-z\d+.-]*:\/\/)/i
const bareHost = /^[^\s,\p{Cc}/\\?#@]+$/u
const unicodeHost = /[^/:]*\P{ASCII}[^/:]*/u
const labels = /^[a-z\d_-]+(?:\.[a-z\d_-]+)*$/

const faults: ReadonlyArray<readonly [RegExp, string]> = [
  [notOne, 'is not exactly one origin, give each its own entry without spaces'],
  [noScheme, 'has no scheme'],
  [/\\/, 'has a backslash'],
  [/#/, 'has a hash'],
  [/\?/, 'has a query'],
  [/^[^/]*\/\/[^/]*@/, 'has a user name'],
  [/^[^/]*\/\/[^/]*\/./, 'has a path'],
  [/\/\/[^/]*\/$/, 'ends in a slash'],
  [/^wss?:/i, 'has the scheme of the socket, an Origin has that of the page'],
  [/^(?![^*]*:\/\/\*\.[^.*:][^*]*$).*\*/, 'may have one wildcard, as the whole leftmost label; for more, use a RegExp']
]

/**
 * Reads the two options once. Two headers, a list of origins and an empty header are refused with
 * every option.
 * @returns the check of a handshake. It is synchronous unless the user's function returns a
 * promise; an error of that function goes to the caller.
 * @throws TypeError for an entry that could never match.
 *
 * @example
 * const verdict = await compileOrigin(['https://example.com'], false)(request)
 */
export function compileOrigin<Request extends OriginSubject = OriginSubject> (
  option: OriginOption<Request>,
  allowMissingOrigin: boolean
): (request: Request) => OriginVerdict | Promise<OriginVerdict> {
  const rule = ruleOf(option)
  const withoutOrigin = allowMissingOrigin ? 'admitted' : 'missing'

  return (request) => {
    const origins = sentOrigins(request.raw)
    const origin = origins[0]
    if (origin === undefined) return withoutOrigin
    if (origins.length > 1 || notOne.test(origin)) return 'refused'

    const answer = rule(origin, request)
    return typeof answer === 'object' ? Promise.resolve(answer).then(verdictOf) : verdictOf(answer)
  }
}

// unknown, because plain JavaScript may return anything: only `true` admits.
function verdictOf (answer: unknown): OriginVerdict {
  return answer === true ? 'admitted' : 'refused'
}

function sentOrigins ({ headers, rawHeaders = NONE }: OriginSubject['raw']): readonly string[] {
  let sent = NONE
  for (let n = 0; n < rawHeaders.length; n += 2) {
    if (isNamed(rawHeaders[n]!, 'origin')) sent = [...sent, rawHeaders[n + 1]!]
  }
  return sent.length > 0 || headers['origin'] === undefined ? sent : [headers['origin']].flat()
}

function ruleOf<Request extends OriginSubject> (option: OriginOption<Request>): Rule<Request> {
  if (option === 'same-origin') return (origin, { protocol, host }) => origin === ownOrigin(protocol, host)
  if (option === '*') return () => true
  if (typeof option === 'function') return option
  return listed([option].flat())
}

function ownOrigin (protocol: string = 'http', host: string = ''): string | undefined {
  const scheme = pageSchemes.get(protocol.toLowerCase())
  if (scheme === undefined || !bareHost.test(host)) return undefined

  const url = parse(`${scheme}://${host}`)
  return url && serialize(url)
}

function listed (entries: ReadonlyArray<string | RegExp>): Rule<unknown> {
  const patterns = entries.filter((entry) => entry instanceof RegExp)
  const origins = entries.filter((entry) => !(entry instanceof RegExp)).map(canonicalize)
  const exact = new Set(origins.filter((origin) => !hasWildcard(origin)))
  const families = origins.filter(hasWildcard).map(family)

  // search() and not test(): it neither reads nor moves the lastIndex of a pattern with g or y.
  return (origin) => exact.has(origin) ||
    families.some((includes) => includes(origin)) ||
    patterns.some((pattern) => origin.search(pattern) !== -1)
}

function family (wildcard: string): (origin: string) => boolean {
  const star = wildcard.indexOf('*')
  const head = wildcard.slice(0, star)
  const tail = wildcard.slice(star + 1)

  return (origin) => origin.startsWith(head) &&
    origin.endsWith(tail) &&
    labels.test(origin.slice(head.length, -tail.length))
}

function canonicalize (entry: unknown): string {
  if (typeof entry !== 'string') throw new TypeError(`${typeof entry} is none of a string, a RegExp, a list of these, a function`)
  if (entry === '*' || entry === 'same-origin') throw new TypeError(`"${entry}" cannot be one of a list: write it alone`)
  if (entry === 'null') return entry

  const fault = faultOf(entry)
  if (fault !== undefined) throw unmatchable(entry, fault)

  const url = parse(entry)
  if (url === undefined) throw unmatchable(entry, 'is not an origin')

  const canonical = serialize(url)
  if (canonical !== inAscii(entry, url)) throw unmatchable(entry, 'is not spelled as browsers send it')
  // URL drops a soft hyphen and takes a full-width asterisk for a plain one: neither may make a
  // wildcard by accident.
  if (faultOf(canonical) !== undefined || hasWildcard(canonical) !== hasWildcard(entry)) throw unmatchable(entry, 'is not an origin')
  return canonical
}

function faultOf (entry: string): string | undefined {
  return faults.find(([pattern]) => pattern.test(entry))?.[1]
}

function unmatchable (entry: string, fault: string): TypeError {
  return new TypeError(`${JSON.stringify(entry)} ${fault}: write ${JSON.stringify(nearest(entry))}`)
}

function nearest (entry: string): string {
  const [first = ''] = entry.split(/[\s,\p{Cc}]+/u).filter(Boolean)
  const withScheme = noScheme.test(first) ? `https://${first.replace(/^[:/]+/, '')}` : first
  const url = parse(withScheme.replace(/^ws/i, 'http'))
  const found = url && serialize(url)

  if (found !== undefined && faultOf(found) === undefined) return found
  return hasWildcard(entry) ? 'https://*.example.com' : 'https://example.com'
}

function hasWildcard (origin: string): boolean {
  return origin.includes('*')
}

function inAscii (entry: string, url: URL): string {
  return entry.replace(unicodeHost, () => url.hostname)
}

// URL's own `origin` is 'null' for the schemes of extensions and apps, which are compared here too.
function serialize ({ protocol, host }: URL): string {
  return `${protocol}//${host}`
}

function parse (text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}
