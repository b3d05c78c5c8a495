/** A text as a part of a regular expression that matches this text and no other. */
export function escaped (text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)
}
