import type { Subschema } from '../schema/subschema.js'
import { opaque, refused, type Case, type Difference } from './difference.js'
import { typesOf, valuesOf, type Type } from './values.js'

/** The numbers that a schema limits a value by. */
interface Bound {
  readonly keyword: string
  readonly types: readonly Type[]
  /** The larger of two limits is the stricter one. */
  readonly isLower: boolean
  /** The keyword of the same limit that is excluded, or included. */
  readonly twin?: string
}

const NUMBERS: readonly Type[] = ['integer', 'fraction']
const BOUNDS: readonly Bound[] = [
  { keyword: 'minimum', types: NUMBERS, isLower: true, twin: 'exclusiveMinimum' },
  { keyword: 'exclusiveMinimum', types: NUMBERS, isLower: true, twin: 'minimum' },
  { keyword: 'maximum', types: NUMBERS, isLower: false, twin: 'exclusiveMaximum' },
  { keyword: 'exclusiveMaximum', types: NUMBERS, isLower: false, twin: 'maximum' },
  { keyword: 'minLength', types: ['string'], isLower: true },
  { keyword: 'maxLength', types: ['string'], isLower: false }
]

/** Differences in what numbers and texts may be. */
export function scalarDifferences (said: Case, taken: Subschema): Difference[] {
  const types = typesOf(said)
  return [
    ...BOUNDS.filter((bound) => bound.types.some((type) => types.has(type))).flatMap((bound) => boundDifferences(said, taken, bound)),
    ...NUMBERS.some((type) => types.has(type)) ? multipleDifferences(said, taken) : [],
    ...types.has('string') ? patternDifferences(said, taken) : [],
    ...['string', ...NUMBERS].some((type) => types.has(type as Type)) ? formatDifferences(said, taken) : []
  ]
}

function boundDifferences (said: Case, taken: Subschema, bound: Bound): Difference[] {
  const { keyword, isLower, twin } = bound
  const limit = taken.get(keyword)
  if (typeof limit !== 'number') return []
  const own = strictest(said, keyword, isLower)
  const other = twin === undefined ? undefined : strictest(said, twin, isLower)
  const isExclusive = keyword.startsWith('exclusive')
  if (own !== undefined && isWithin(own, limit, isLower)) return []
  if (other !== undefined && (other === limit ? !isExclusive : isWithin(other, limit, isLower))) return []
  return [refused(keyword, own, limit)]
}

function isWithin (value: number, limit: number, isLower: boolean): boolean {
  return isLower ? value >= limit : value <= limit
}

/** The strictest limit of a case by one keyword. */
export function strictest (one: Case, keyword: string, isLower: boolean): number | undefined {
  const limits = one.map((part) => part.get(keyword)).filter((limit) => typeof limit === 'number')
  if (limits.length === 0) return undefined
  return isLower ? Math.max(...limits) : Math.min(...limits)
}

function multipleDifferences (said: Case, taken: Subschema): Difference[] {
  const unit = taken.get('multipleOf')
  if (typeof unit !== 'number') return []
  const own = said.map((part) => part.get('multipleOf')).filter((one) => typeof one === 'number')
  const whole = typesOf(said).has('fraction') ? [] : [1]
  if ([...own, ...whole, ...valuesOf(said) ?? []].some((one) => isMultiple(one as number, unit))) return []
  return [refused('multipleOf', own[0], unit)]
}

// 0.3 is a multiple of 0.1.
function isMultiple (value: number, unit: number): boolean {
  return Number.isInteger(Number((value / unit).toPrecision(12)))
}

function patternDifferences (said: Case, taken: Subschema): Difference[] {
  const pattern = taken.get('pattern')
  if (typeof pattern !== 'string') return []
  const own = said.map((part) => part.get('pattern')).filter((one) => typeof one === 'string')
  if (own.includes(pattern)) return []
  const values = valuesOf(said)
  if (values?.every((value) => expressionOf(pattern)?.test(String(value)))) return []
  return [refused('pattern', own[0], pattern)]
}

/** A pattern as an expression; `undefined` when it is none. */
export function expressionOf (pattern: string): RegExp | undefined {
  for (const flags of ['u', '']) {
    try {
      return new RegExp(pattern, flags)
    } catch {
      // an expression that the flag u does not bear
    }
  }
  return undefined
}

const FORMAT_LIMITS = ['formatMinimum', 'formatMaximum', 'formatExclusiveMinimum', 'formatExclusiveMaximum']

function formatDifferences (said: Case, taken: Subschema): Difference[] {
  const differs = (keyword: string): boolean => {
    const value = taken.get(keyword)
    return value !== undefined && !said.some((part) => part.get(keyword) === value)
  }
  const own = said.map((part) => part.get('format')).find((format) => format !== undefined)
  return [...differs('format') ? [refused('format', own, taken.get('format'))] : [], ...FORMAT_LIMITS.filter(differs).map(opaque)]
}
