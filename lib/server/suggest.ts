import { closest, distance } from 'fastest-levenshtein'

/** The name that was meant, where at most a third of its letters differ; else undefined. */
export function meantBy (name: string, known: readonly string[]): string | undefined {
  const nearest = closest(name, known)
  return distance(name, nearest) <= Math.floor(Math.max(name.length, nearest.length) / 3) ? nearest : undefined
}

/** The end of a sentence on a name that does not exist. */
export function questionOf (name: string, known: readonly string[]): string {
  const meant = meantBy(name, known)
  return meant === undefined ? ': remove it' : `: did you mean '${meant}'?`
}
