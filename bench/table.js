// @ts-check

/** @param {number[]} values */
export function median (values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** @typedef {{ title?: string, head: string[], rows: string[][] }} Table */

/** @param {Table} table */
export function printTitled ({ title, head, rows }) {
  console.log(`\n${title}`)
  printTable(head, rows)
}

/**
 * @param {string[]} head
 * @param {string[][]} rows
 */
export function printTable (head, rows) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((cells) => cells[column].length)))
  for (const cells of [head, ...rows]) console.log(`  ${cells.map((cell, column) => align(cell, column, widths[column])).join('  ')}`)
}

/** @param {Table} table */
export function markdownOf ({ title, head, rows }) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`
  return [...title === undefined ? [] : [`**${title}**`, ''], line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/**
 * @param {string} cell
 * @param {number} column
 * @param {number} width
 */
function align (cell, column, width) {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}

/**
 * @template T
 * @param {T[]} all
 * @param {number} by
 */
export function rotate (all, by) {
  const first = by % all.length
  return [...all.slice(first), ...all.slice(0, first)]
}

/** @param {string} text */
export function note (text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
