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
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== '')
  const refs = words.filter((word) => /^ref:\d+$/.test(word)).map((word) => Number(word.slice(4)))
  const others = words.filter((word) => !/^ref:\d*$/.test(word))
  return (frame) => {
    if (direction !== '' && frame.direction !== direction) return false
    if (!hasPings && /^\$p[io]ng$/.test(frame.type)) return false
    if (type !== '' && frame.type !== type && frame.question?.type !== type) return false
    if (!refs.every((ref) => frame.question?.ref === ref)) return false
    const content = others.length === 0 ? '' : `${frame.type} ${frame.text}`.toLowerCase()
    return others.every((word) => content.includes(word))
  }
}
