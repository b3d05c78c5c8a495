import { closest, distance } from 'fastest-levenshtein'

/** The known name that is nearest, if at most a third of its letters differ; else undefined. */
export function meantBy (name: string, known: readonly string[]): string | undefined {
  const nearest = closest(name, known)
  return distance(name, nearest) <= Math.floor(Math.max(name.length, nearest.length) / 3) ? nearest : undefined
}

/** The advice at the end of a sentence about an unknown name. */
export function questionOf (name: string, known: readonly string[]): string {
  const meant = meantBy(name, known)
  return meant === undefined ? ': remove it' : `: did you mean '${meant}'?`
}
