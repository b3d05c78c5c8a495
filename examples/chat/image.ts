import type { Mime } from './contract.js'

const SIGNATURES: ReadonlyArray<readonly [Mime, RegExp]> = [
  ['image/png', /^\x89PNG\r\n[^]\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF[^]{4}WEBP/]
]

/** The type of an image, by its first bytes: the sender's word is no proof. */
export function mimeOf (data: Buffer): Mime | undefined {
  const head = data.toString('latin1', 0, 12)
  return SIGNATURES.find(([, signature]) => signature.test(head))?.[0]
}
