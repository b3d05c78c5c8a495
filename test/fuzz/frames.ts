// Frames (RFC 6455 §5.2) as no client would write them, and some as one would.
import { constants, deflateRawSync } from 'node:zlib'
import { announcementOf, cancelled, messageOf, stubborn } from './messages.js'
import type { Random } from './random.js'

const FINAL = 0x80
const RSV1 = 0x40
const RSV2 = 0x20
const RSV3 = 0x10
const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10] as const
const RESERVED = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]
const BAD_UTF8 = [
  [0xff],
  [0xc0, 0xaf],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xe2, 0x82],
  [0x22, 0x80, 0x22]
].map((bytes) => Buffer.from(bytes))
const GOOD_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 3000, 4000, 4999]
const BAD_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]
const FLUSH_TAIL_BYTES = 4

interface Form {
  readonly isMasked?: boolean
  /**
   * The number of bytes of its extended length; more than the length needs is not minimal.
   */
  readonly lengthBytes?: 0 | 2 | 8
  /** A length in the header that is not the payload's. */
  readonly length?: number
}

/** Properties that all frames of one connection have. */
export interface Style {
  readonly isDeflated: boolean
  /** The largest message the server takes. */
  readonly maxPayloadBytes: number
}

/** Bytes that belong together, and how many frames they are. */
export interface Burst {
  readonly bytes: Buffer
  readonly frames: number
}

// A few kilobytes that inflate to more than any limit, and one payload that inflates to nothing.
const bombs = [Buffer.alloc(4 * 1024 * 1024), Buffer.from('['.repeat(1024 * 1024)), Buffer.alloc(0)].map((bytes) => deflated(bytes))

export function frame (
  random: Random,
  first: number,
  payload: string | Uint8Array,
  { isMasked = true, lengthBytes, length }: Form = {}
): Buffer {
  const data = Buffer.from(payload)
  const said = length ?? data.length
  const mask = random.chance(0.1) ? Buffer.alloc(4) : random.bytes(4)
  if (isMasked) for (let i = 0; i < data.length; i++) data[i]! ^= mask[i & 3]!
  return Buffer.concat([
    headerOf(first, said, lengthBytes ?? (said < 126 ? 0 : said < 65_536 ? 2 : 8), isMasked),
    isMasked ? mask : Buffer.alloc(0),
    data
  ])
}

function headerOf (first: number, length: number, lengthBytes: 0 | 2 | 8, isMasked: boolean): Buffer {
  const header = Buffer.alloc(2 + lengthBytes)
  header[0] = first
  header[1] = (isMasked ? 0x80 : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127)
  if (lengthBytes === 2) header.writeUInt16BE(length, 2)
  if (lengthBytes === 8) header.writeBigUInt64BE(BigInt(length), 2)
  return header
}

/** Frames that a server takes, and answers, without closing. */
export function bearable (random: Random, style: Style): Burst {
  return random.weighted<() => Burst>([
    [60, () => one(frame(random, FINAL | TEXT, messageOf(random)))],
    [style.isDeflated ? 40 : 0, () => one(frame(random, FINAL | RSV1 | TEXT, deflated(messageOf(random))))],
    [style.isDeflated ? 4 : 0, () => fragmented(random, deflated(messageOf(random)), RSV1 | TEXT)],
    [4, () => one(frame(random, FINAL | TEXT, messageOf(random), { lengthBytes: 8 }))],
    [8, () => fragmented(random, Buffer.from(messageOf(random)), TEXT)],
    [2, () => fragmented(random, random.bytes(random.below(64)), BINARY)],
    [4, () => one(frame(random, FINAL | BINARY, random.bytes(random.below(300))))],
    [4, () => announced(random)],
    [4, () => several(random, cancelled(random), style)],
    [0.3, () => several(random, Array.from({ length: random.pick([6, 40]) }, (_, n) => stubborn(n + 1)).flat(), style)],
    [
      style.isDeflated ? 0.3 : 0,
      () => several(random, Array.from({ length: random.pick([70, 700]) }, () => messageOf(random)), { isDeflated: true })
    ],
    [5, () => one(frame(random, FINAL | random.pick([PING, PONG]), random.bytes(random.pick([0, 1, 125]))))],
    [1, () => one(frame(random, FINAL | TEXT, ''))],
    [0.3, () => one(frame(random, FINAL | TEXT, largest(style)))]
  ])()
}

/** The payload of the marker, which no other ping has. */
export const MARK = 'all of it was read'

/** A ping whose pong tells that everything before it was read. */
export function marker (random: Random): Burst {
  return one(frame(random, FINAL | PING, MARK))
}

/** More calls than the system's buffers hold answers, from a client that does not read them. */
export function flood (random: Random, { maxPayloadBytes, isDeflated }: Style): Burst {
  const frames = random.pick([10, 600])
  const [before, after] = random.pick([['{"type":"any","ref":1,"value":"', '"}'], ['{"type":"renew","ref":1,"pad":"', '"}']] as const)
  const text = before + 'x'.repeat(maxPayloadBytes - 100) + after
  const question = isDeflated && random.chance(0.5) ? frame(random, FINAL | RSV1 | TEXT, deflated(text)) : frame(random, FINAL | TEXT, text)
  return { bytes: Buffer.concat(Array.from({ length: frames }, () => question)), frames }
}

/** Frames that a server closes the connection for. */
export function unbearable (random: Random, style: Style): Burst {
  const text = messageOf(random)
  const first = FINAL | TEXT
  return one(random.pick([
    () => frame(random, FINAL | random.pick(RESERVED), text),
    () => frame(random, first | random.pick([RSV2, RSV3, RSV2 | RSV3]), text),
    () => frame(random, first | RSV1, random.bytes(random.between(1, 100))),
    () => frame(random, first, text, { isMasked: false }),
    () => frame(random, FINAL | CONTINUATION, text),
    () => frame(random, CONTINUATION, ''),
    () => frame(random, FINAL | RSV1 | CONTINUATION, text),
    () => Buffer.concat([frame(random, TEXT, text), frame(random, first, text)]),
    () => Buffer.concat([frame(random, TEXT, '"'), frame(random, FINAL | CONTINUATION, random.pick(BAD_UTF8))]),
    () => frame(random, PING, 'not final'),
    () => frame(random, FINAL | PING, random.bytes(126)),
    () => frame(random, FINAL | RSV1 | PONG, ''),
    () => frame(random, first, random.pick(BAD_UTF8)),
    () => frame(random, first, Buffer.concat([Buffer.from(text), random.pick(BAD_UTF8)])),
    () => frame(random, first, random.bytes(random.between(1, 200)).fill(0xff, 0, 1)),
    () => frame(random, first, `${largest(style)} `),
    () => frame(
      random,
      first,
      text,
      { length: random.pick([style.maxPayloadBytes + 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]), lengthBytes: 8 }
    ),
    () => Buffer.concat([headerOf(first, 0, 8, true).fill(0xff, 2), random.bytes(20)]),
    () => Buffer.concat(Array.from(
      { length: 40 },
      (_, i) => frame(random, i === 0 ? TEXT : CONTINUATION, 'x'.repeat(style.maxPayloadBytes / 32))
    )),
    () => frame(random, first | RSV1, random.pick(bombs)),
    () => frame(random, first | RSV1, Buffer.concat([random.bytes(random.between(1, 4)), deflated(text)])),
    () => frame(random, FINAL | CLOSE, 'x'),
    () => closing(random, random.pick(BAD_CODES), 'bad code'),
    () => closing(random, 1000, random.pick(BAD_UTF8)),
    () => frame(random, FINAL | CLOSE, random.bytes(130)),
    () => frame(random, CLOSE, ''),
    () => random.bytes(random.between(2, 200))
  ])())
}

/** A goodbye as it should be, perhaps with something after it. */
export function goodbye (random: Random): Burst {
  const close = random.chance(0.2)
    ? frame(random, FINAL | CLOSE, '')
    : closing(
      random,
      random.pick(GOOD_CODES),
      'x'.repeat(random.pick([0, 5, 123]))
    )
  return random.chance(0.5)
    ? one(close)
    : {
        bytes: Buffer.concat([close, frame(random, FINAL | TEXT, messageOf(random)), random.bytes(random.below(20))]),
        frames: 2
      }
}

/** A frame that ends too early. */
export function truncated (random: Random, style: Style): Burst {
  const { bytes, frames } = bearable(random, style)
  return { bytes: bytes.subarray(0, random.below(bytes.length)), frames }
}

/** Text messages, each in one frame, compressed where that was agreed. */
export function several (random: Random, texts: readonly string[], { isDeflated }: Pick<Style, 'isDeflated'>): Burst {
  const isCompressed = isDeflated && random.chance(0.7)
  return {
    bytes: Buffer.concat(texts.map((text) => isCompressed
      ? frame(random, FINAL | RSV1 | TEXT, deflated(text))
      : frame(random, FINAL | TEXT, text))),
    frames: texts.length
  }
}

/** An event and its binary frame, whole or in fragments; now and then with a frame between. */
function announced (random: Random): Burst {
  const event = frame(random, FINAL | TEXT, announcementOf(random))
  const data = random.bytes(random.below(300))
  const other = (): Buffer => random.chance(0.5) ? frame(random, FINAL | PING, '') : frame(random, FINAL | TEXT, messageOf(random))
  const between = random.chance(0.2) ? [other()] : []
  const last = random.chance(0.2) ? fragmented(random, data, BINARY) : one(frame(random, FINAL | BINARY, data))
  return { bytes: Buffer.concat([event, ...between, last.bytes]), frames: 1 + between.length + last.frames }
}

export function closing (random: Random, code: number, reason: string | Uint8Array): Buffer {
  return frame(random, FINAL | CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]))
}

/** Cut anywhere, also within a character, with control frames between. */
export function fragmented (random: Random, payload: Uint8Array, opcode: number = TEXT): Burst {
  const count = random.between(2, 5)
  const cuts = Array.from({ length: count - 1 }, () => random.below(payload.length + 1)).sort((a, b) => a - b)
  const bytes = [0, ...cuts].flatMap((cut, i) => {
    const part = frame(
      random,
      (i === 0 ? opcode : CONTINUATION) | (i === count - 1 ? FINAL : 0),
      payload.subarray(cut, cuts[i] ?? payload.length)
    )
    return random.chance(0.3) ? [frame(random, FINAL | random.pick([PING, PONG]), 'between'), part] : [part]
  })
  return { bytes: Buffer.concat(bytes), frames: bytes.length }
}

function largest ({ maxPayloadBytes }: Style): string {
  const [before, after] = ['{"type":"note","text":"', '"}']
  return before + 'x'.repeat(maxPayloadBytes - before.length - after.length) + after
}

function deflated (data: string | Uint8Array): Buffer {
  return deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH, level: 1 }).subarray(0, -FLUSH_TAIL_BYTES)
}

function one (bytes: Buffer): Burst {
  return { bytes, frames: 1 }
}
