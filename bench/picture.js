// @ts-check
// Bars as an SVG, for a page that shows it with <img>: no script, no fonts of its own, texts that
// are texts, colors of the reader's light or dark mode. 360 units wide, so that it is read on a
// phone.
const WIDTH = 360
const MARGIN = 8
const BAR_LEFT = 146
const BAR_RIGHT = 302
const BAR_HEIGHT = 14
const ROW_HEIGHT = 21
const GROUP_HEAD = 32
const TOP = 66
const BASELINE = 11                // of a text beside a bar

const STYLE = `
    text { font: 12.5px system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: #1f2328; }
    .title { font-weight: 600; font-size: 14.5px; }
    .group { font-weight: 600; }
    .note { fill: #59636e; }
    .back { fill: #ffffff; }
    .bar { fill: #9aa4af; }
    .own { fill: #0969da; }
    .name.own { fill: #1f2328; font-weight: 600; }
    .value { stroke: #ffffff; stroke-width: 3px; paint-order: stroke; }
    .base { stroke: #59636e; stroke-dasharray: 2 3; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .note { fill: #9198a1; }
      .back { fill: #0d1117; }
      .bar { fill: #656c76; }
      .own { fill: #4493f8; }
      .name.own { fill: #f0f6fc; }
      .value { stroke: #0d1117; }
      .base { stroke: #9198a1; }
    }`

/**
 * @typedef {{ name: string, value: number, isOwn?: boolean }} Bar
 * @typedef {{ title: string, bars: Bar[] }} Group
 */

/**
 * @param {{ title: string, notes: [string, string], description: string, groups: Group[] }} picture
 * values are multiples of 1, at which a line stands
 */
export function picture ({ title, notes, description, groups }) {
  let y = TOP
  const parts = groups.map((group) => {
    const text = groupAt(y, group)
    y += GROUP_HEAD + group.bars.length * ROW_HEIGHT
    return text
  })
  const height = y + MARGIN
  const size = `width="${WIDTH}" height="${height}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title description">
  <title id="title">${escaped(title)}</title>
  <desc id="description">${escaped(description)}</desc>
  <style>${STYLE}
  </style>
  <rect class="back" ${size} rx="6"/>
  <text class="title" x="${MARGIN}" y="20">${escaped(title)}</text>
  <text class="note" x="${MARGIN}" y="38">${escaped(notes[0])}</text>
  <text class="note" x="${MARGIN}" y="54">${escaped(notes[1])}</text>
${parts.join('\n')}
</svg>
`
}

/**
 * Every group has its own scale: broadcasts and handshakes differ by more than a bar shows.
 *
 * @param {number} top
 * @param {Group} group
 */
function groupAt (top, { title, bars }) {
  const unit = (BAR_RIGHT - BAR_LEFT) / Math.max(1, ...bars.map(({ value }) => value))
  const first = top + GROUP_HEAD - 8
  const base = BAR_LEFT + unit
  return [
    `  <text class="group" x="${MARGIN}" y="${top + 17}">${escaped(title)}</text>`,
    ...bars.map((bar, i) => barAt(first + i * ROW_HEIGHT, unit, bar)),
    `  <path class="base" d="M${round(base)} ${first - 2}V${first + bars.length * ROW_HEIGHT - 5}"/>`,
    // In front of the line, which would cross them.
    ...bars.map((bar, i) => valueAt(first + i * ROW_HEIGHT, unit, bar))
  ].join('\n')
}

/**
 * @param {number} y
 * @param {number} unit
 * @param {Bar} bar
 */
function barAt (y, unit, { name, value, isOwn }) {
  const own = isOwn ? ' own' : ''
  const width = Math.max(1, value * unit)
  return [
    `  <text class="name${own}" x="${MARGIN}" y="${y + BASELINE}">${escaped(name)}</text>`,
    `  <rect class="bar${own}" x="${BAR_LEFT}" y="${y}" width="${round(width)}" height="${BAR_HEIGHT}" rx="2"/>`
  ].join('\n')
}

/**
 * @param {number} y
 * @param {number} unit
 * @param {Bar} bar
 */
function valueAt (y, unit, { value, isOwn }) {
  const x = round(BAR_LEFT + Math.max(1, value * unit) + 5)
  return `  <text class="name value${isOwn ? ' own' : ''}" x="${x}" y="${y + BASELINE}">${value.toFixed(2)}×</text>`
}

/** @param {number} value */
function round (value) {
  return Math.round(value * 10) / 10
}

/** @param {string} text */
function escaped (text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
