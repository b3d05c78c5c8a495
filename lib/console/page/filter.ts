import type { Frame } from './frames.js'

/** The frames that a list shows. */
export interface Filter {
  readonly direction: string
  readonly type: string
  /** Words that stand in the frame; `ref:3` is its question's. */
  readonly text: string
  /** `$ping` and `$pong` too. */
  readonly hasPings: boolean
}

/** Makes the test of a filter. */
export function testOf ({ direction, type, text, hasPings }: Filter): (frame: Frame) => boolean {
  // A number has an end: that of 3 is not that of 31.
  const words = (text.toLowerCase().match(/\S+/g) ?? []).map((word) => /^ref:\d/.test(word) ? `${word} ` : word)
  return (frame) => {
    const { question } = frame
    const content = words.length > 0 ? `ref:${question?.ref} ${frame.type} ${frame.text}`.toLowerCase() : ''
    return (!direction || frame.direction === direction) &&
      (hasPings || !/^\$p[io]ng$/.test(frame.type)) &&
      (!type || [frame.type, question?.type].includes(type)) &&
      words.every((word) => content.includes(word))
  }
}
