// The messages of a hostile client: JSON near our protocol, and far from it.
import type { Random } from './random.js'

type Make = (random: Random) => string

const TYPES = ['note', 'join', 'leave', 'add', 'later', 'fail', 'count', 'ask', 'renew', 'any', 'image']
const RESERVED = ['$reply', '$error', '$cancel', '$ping', '$pong', '$next', '$done', '$', '$nothing']
const STRANGE = [
  '', 'toString', 'constructor', '__proto__', 'hasOwnProperty', 'ADD', 'add ', 'x'.repeat(200), '\u0000', '\ud83d\ude00', 'é', '\u2028'
]
const POISON = [
  '"__proto__":{"isAdmin":true}', '"constructor":{"prototype":{"isAdmin":true}}', '"constructor":1',
  '"\\u005f_proto__":{}', '"prototype":{}', '"toString":1', '"hasOwnProperty":null', '"then":{}', '"toJSON":1'
]
const REFS = [
  '0', '-1', '-0', '1.5', '1e3', '1e400', '9007199254740991', '9007199254740992', 'null', 'true', '"1"', '[]', '{}', '[1]', '""',
  '{"valueOf":1}'
]
const VALUES = [
  ...REFS, 'false', '1e-400', '123456789012345678901234567890', '0.1', '"\\ud800"', '"\\u0000"', '"é"', '[[]]',
  '{"a":{}}', '"1970-01-01"', '[null,null]'
]
// JSON of which JavaScript can make no text, or not the text that was meant.
const UNREADABLE = ['{"toString":null}', '[{"toString":null}]', '[[{"toString":null,"valueOf":null}]]', '{"toString":1}']
const ODD = [
  ...VALUES, ...UNREADABLE, ...UNREADABLE, ...UNREADABLE, '{"toJSON":1}', '{"then":null}', '{"then":{}}',
  '{"message":{"toString":null}}', '"boom"', '""', '"\\u0085\\u202e\\n"', JSON.stringify('x'.repeat(9000))
]
const ERROR_PROPERTIES = ['message', 'message', 'message', 'code', 'error', 'statusCode', 'received', 'stack', 'cause', 'name']
const GARBAGE = [
  '', ' ', '{', '}', '{}', '[]', 'null', 'true', '1', '"text"', '{"type"', '{"type":}', '{"type":"add",}',
  "{'type':'add'}", '{type:"add"}', '\ufeff{"type":"$ping"}', '{"type":"$ping"}{"type":"$ping"}', 'NaN',
  '[{"type":"add"}]', '{"type":"add","type":"note"}', '{"type":"$ping"}\u0000', '/**/{"type":"$ping"}', '{"a":"\t"}',
  '{"a":"\\x"}'
]

const ref: Make = (random) => random.chance(0.8) ? String(random.between(1, 12)) : random.pick(REFS)
const refPart: Make = (random) => random.chance(0.85) ? `,"ref":${ref(random)}` : ''
const text: Make = (random) => JSON.stringify(
  random.chance(0.8) ? 'x'.repeat(random.below(40)) : random.pick(STRANGE).repeat(random.between(1, 4))
)
const value: Make = (random) => random.chance(0.3) ? nested(random, random.between(1, 80)) : random.pick(VALUES)

const valid: ReadonlyArray<readonly [number, Make]> = [
  [4, (random) => `{"type":"note","text":${text(random)}}`],
  [
    2,
    (random) => {
      const topic = random.chance(0.8) ? `topic-${random.below(200)}` : 'é'.repeat(random.below(300))
      return `{"type":"join","topic":${JSON.stringify(topic)}}`
    }
  ],
  [1, (random) => `{"type":"leave","topic":"topic-${random.below(200)}"}`],
  [2, announcementOf],
  [6, (random) => `{"type":"add"${refPart(random)},"a":${random.below(1000)},"b":${random.next()}}`],
  [4, (random) => `{"type":"later"${refPart(random)},"text":${text(random)}}`],
  [
    3,
    (random) => `{"type":"fail"${refPart(random)},"how":"${random.pick([
'throw', 'reject', 'client', 'nothing', 'answer', 'null', 'frozen', 'proxy', 'aggregate'
])}"}`
  ],
  [
    5,
    (random) => `{"type":"count"${refPart(random)},"to":${random.below(30)},"how":"${random.pick([
'plain', 'plain', 'slow', 'endless', 'throw', 'none', 'answer', 'deaf', 'stubborn'
])}"}`
  ],
  [2, (random) => `{"type":"ask"${refPart(random)},"text":${text(random)}}`],
  [2, (random) => `{"type":"ask"${refPart(random)},"text":"wait"}`],
  [
    16,
    (random) => {
      const text = random.pick(['"wait"', '"wait"', '"wait"', '"wait"', '"fine"', '"boom"', '1'])
      return `{"type":"check"${refPart(random)},"text":${text}}`
    }
  ],
  [1, (random) => `{"type":"renew"${refPart(random)}${renewal(random)}}`],
  [3, (random) => `{"type":"any"${refPart(random)},"value":${value(random)}}`],
  [3, (random) => `{"type":"$reply","ref":${ref(random)},"data":${random.pick(['true', 'false', '1', '{}', 'null'])}}`],
  [1, (random) => `{"type":"$reply","ref":${ref(random)}}`],
  [2, (random) => `{"type":"$error"${refPart(random)},"statusCode":${value(random)},"message":${value(random)}}`],
  [1, (random) => answerTo(random, random.between(1, 12))],
  [5, (random) => `{"type":"$cancel","ref":${ref(random)}}`],
  [1, () => '{"type":"$ping"}']
]

const invalid: ReadonlyArray<readonly [number, Make]> = [
  [3, (random) => random.pick(GARBAGE)],
  [2, (random) => nested(random, random.pick([60, 63, 64, 65, 66, 200, 2000]))],
  [3, (random) => `{"type":"${random.pick(TYPES)}",${random.pick(POISON)}${refPart(random)}}`],
  [2, (random) => `{"type":"any","ref":1,"value":{${random.pick(POISON)}}}`],
  [2, (random) => `{"type":${JSON.stringify(random.pick([...STRANGE, ...RESERVED]))}${refPart(random)}}`],
  [2, (random) => `{"type":${value(random)}${refPart(random)}}`],
  [
    2,
    (random) => `{"type":"${random.pick([
...TYPES,
...RESERVED
])}"${refPart(random)},"${random.pick(['text', 'to', 'how', 'a', 'topic', 'data', 'message'])}":${value(random)}}`
  ],
  [4, (random) => mutated(random, random.weighted(valid)(random))]
]

/** One text message: well formed, nearly so, or nothing of the kind. */
export function messageOf (random: Random): string {
  return random.weighted(random.chance(0.6) ? valid : invalid)(random)
}

/** An event that a binary frame is to follow: mostly valid. */
export function announcementOf (random: Random): string {
  return `{"type":"image"${random.chance(0.1) ? ',"$binary":true' : ''},"text":${random.chance(0.8) ? text(random) : value(random)}}`
}

/**
 * An answer to a call of the server's that waits for one: as it should be, or odd in any way that
 * JSON can be.
 */
export function answerTo (random: Random, ref: number): string {
  const own = random.chance(0.9) ? String(ref) : random.pick([...REFS, String(ref + 1), String(-ref), `"${ref}"`])
  if (random.chance(0.5)) return `{"type":"$reply","ref":${own},"data":${random.pick(['true', '"fine"', '"boom"', '"boom"', '"boom"'])}}`
  if (random.chance(0.3)) return `{"type":"$reply","ref":${own},"data":${random.pick(ODD)}}`
  const properties = Array.from({ length: random.below(4) }, () => `,"${random.pick(ERROR_PROPERTIES)}":${random.pick(ODD)}`)
  return `{"type":"$error","ref":${own}${properties.join('')}}`
}

/** A call or a stream, and what its caller says who waits for it no longer, again and again. */
export function cancelled (random: Random): string[] {
  const ref = random.between(1, 1000)
  const [ask] = random.pick([
    [`{"type":"count","ref":${ref},"to":100,"how":"${random.pick(['slow', 'endless', 'deaf', 'stubborn'])}"}`],
    [`{"type":"later","ref":${ref},"text":"x"}`],
    [`{"type":"ask","ref":${ref},"text":"wait"}`],
    [`{"type":"add","ref":${ref},"a":1,"b":2}`]
  ])
  return [ask, ...Array.from({ length: random.between(1, 5) }, () => `{"type":"$cancel","ref":${ref}}`)]
}

/** A stream whose generator does not end when it is told to. */
export function stubborn (ref: number): string[] {
  return [`{"type":"count","ref":${ref},"to":100,"how":"stubborn"}`, `{"type":"$cancel","ref":${ref}}`]
}

/**
 * A message that is good for something, so that a connection on a route that counts faults lives
 * on.
 */
export function goodMessage (random: Random): string {
  return `{"type":"add","ref":${random.between(1, 1000)},"a":1,"b":2}`
}

// Credentials that are over, as good as over, not over for long, or no date at all.
function renewal (random: Random): string {
  return random.chance(0.5)
    ? ''
    : `,"inMs":${random.pick([
'3600000', '3600000', '2147483648', '8.64e15', '1e400', '-1e400', '-1', '0', '20', '"x"', '{"toString":null}'
])}`
}

function nested (random: Random, depth: number): string {
  const isArray = random.chance(0.5)
  const inside = (isArray ? '[' : '{"a":').repeat(depth) + '1' + (isArray ? ']' : '}').repeat(depth)
  return random.chance(0.5) ? `{"type":"any","ref":1,"value":${inside}}` : inside
}

function mutated (random: Random, text: string): string {
  const at = random.below(text.length)
  return random.pick([
    () => text.slice(0, at),
    () => text.slice(0, at) + text.slice(at + random.between(1, 4)),
    () => text.slice(0, at) + String.fromCharCode(random.below(0x180)) + text.slice(at + 1),
    () => text.slice(0, at) + text.slice(at).replace(/[:,"{}]/, (sign) => sign + sign),
    () => text.slice(0, -1) + `,"${random.pick(TYPES)}":${random.pick(VALUES)}}`,
    () => text + text.slice(at),
    () => text.replace(/\d+/, random.pick(VALUES))
  ])()
}
