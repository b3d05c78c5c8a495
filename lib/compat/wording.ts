import { show } from '../show.js'
import type { Difference } from './difference.js'

/** A difference in words, with the old part in front of the new one. */
export function describe ({ aspect, kind, said, taken }: Difference, isSaidOld: boolean): string {
  const [before, after] = isSaidOld ? [said, taken] : [taken, said]
  const isNew = isSaidOld ? 'is gone' : 'is new'
  switch (kind) {
    case 'keyword': return `${aspect} ${arrow(before, after)}`
    case 'missing': return isSaidOld ? 'optional → required' : 'required → optional'
    case 'undeclared': return isSaidOld ? 'the property is new and required' : 'the property is gone, and was required'
    case 'extra': return `the property ${isNew}`
    case 'open': return isSaidOld ? 'open object → closed' : 'closed object → open'
    case 'values': return `${(said as unknown[]).map(show).join(', ')} ${isNew}`
    case 'branch': return `a branch ${isNew}: ${String(said)}`
    case 'opaque': return opaqueText(aspect, before ?? after)
  }
}

function arrow (before: unknown, after: unknown): string {
  if (before === undefined) return `${text(after)} is new`
  if (after === undefined) return `${text(before)} is gone`
  return `${text(before)} → ${text(after)}`
}

function text (value: unknown): string {
  return Array.isArray(value) ? value.map(show).join(' | ') : typeof value === 'string' ? value : show(value)
}

function opaqueText (aspect: string, reference: unknown): string {
  if (aspect === 'size') return 'the schemas unfold too far to be compared'
  if (aspect === '$ref') return `'${String(reference)}' is not in the contract, so it cannot be compared`
  return `${aspect} has changed, and can be compared for equality only`
}
