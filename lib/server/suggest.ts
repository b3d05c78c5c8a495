import { closest, distance } from 'fastest-levenshtein'

/** The known name that is nearest, if at most a third of its letters differ; else undefined. */
export function meantBy (name: string, known: readonly string[]): string | undefined {
  return known.find((one) => isSwapped(name, one)) ?? nearest(name, known)
}

/** The advice at the end of a sentence about an unknown name. */
export function questionOf (name: string, known: readonly string[]): string {
  const meant = meantBy(name, known)
  return meant === undefined ? ': remove it' : `: did you mean '${meant}'?`
}

function nearest (name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const found = closest(name, known)
  return distance(name, found) <= Math.floor(Math.max(name.length, found.length) / 3) ? found : undefined
}

// Two neighbors in the wrong order are one mistake of a typist, and two of Levenshtein's: too many
// in a name of four letters.
function isSwapped (name: string, known: string): boolean {
  return Array.from({ length: known.length - 1 }, (_, at) => swapped(known, at)).includes(name)
}

function swapped (name: string, at: number): string {
  return name.slice(0, at) + name.charAt(at + 1) + name.charAt(at) + name.slice(at + 2)
}
