import { isRecord } from '../record.js'

// Words and numbers that YAML 1.1 or 1.2 would read as something else stand in quotes.
const PLAIN = /^[A-Za-z/$_][\w /.$-]*$/
const OTHER = /^(?:true|false|null|yes|no|on|off|y|n)$|[ -]$/i
// YAML 1.2 §5.1: signs that it does not print are escaped.

const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g

/** Writes JSON data as YAML 1.2. */
export function yamlOf (value: unknown): string {
  return `${block(value, '').replace(/^\n/, '')}\n`
}

function block (value: unknown, indent: string): string {
  if (Array.isArray(value) && value.length > 0) return value.map((item) => `\n${indent}-${nested(item, `${indent}  `)}`).join('')
  if (!isRecord(value) || Object.keys(value).length === 0) return scalar(value)
  return Object.entries(value).map(([key, item]) => `\n${indent}${scalar(key)}:${spaced(block(item, `${indent}  `))}`).join('')
}

// The first line of a list's item stands behind its dash.
function nested (item: unknown, indent: string): string {
  return spaced(block(item, indent).replace(/^\n\s+/, ''))
}

function spaced (text: string): string {
  return text.startsWith('\n') ? text : ` ${text}`
}

function scalar (value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  if (PLAIN.test(value) && !OTHER.test(value)) return value
  return JSON.stringify(value).replaceAll(UNPRINTABLE, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
