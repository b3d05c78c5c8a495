import { closest, distance } from 'fastest-levenshtein'

/** The name that was meant, where a third of its letters at most differ; undefined for a name of something else. */
export function meantBy (name: string, known: readonly string[]): string | undefined {
  const nearest = closest(name, known)
  return distance(name, nearest) <= Math.floor(Math.max(name.length, nearest.length) / 3) ? nearest : undefined
}

/** The end of a sentence on a name that does not exist. */
export function questionOf (name: string, known: readonly string[]): string {
  const meant = meantBy(name, known)
  return meant === undefined ? ': remove it' : `: did you mean '${meant}'?`
}
