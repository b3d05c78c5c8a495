// @ts-check

// Of the circle's 360 degrees; the rest are yellows, on which no white can be read.
const HUES = 295
const FIRST_HUE = 135
const APART = 24
// About a golden section of them.
const STEP = 113
const MAX_TRIES = 24

/** @type {Map<string, number>} */
const hues = new Map()
const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/**
 * Shows a person as initials on a colour of their own.
 * @param {HTMLElement} element
 * @param {{ id: string, name: string }} person
 */
export function paintAvatar (element, { id, name }) {
  element.textContent = initialsOf(name)
  element.style.setProperty('--hue', String(FIRST_HUE + hueOf(id)))
}

/** @param {string} name */
function initialsOf (name) {
  const words = name.split(/\s+/u)
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : words
  return chosen.map((word) => [...letters.segment(word ?? '')][0]?.segment ?? '').join('').toLocaleUpperCase()
}

/**
 * A person's own hue, unless somebody seen before has one like it.
 * @param {string} id - a UUID
 */
function hueOf (id) {
  const known = hues.get(id)
  if (known !== undefined) return known
  let hue = Number.parseInt(id.slice(0, 8), 16) % HUES
  for (let tries = 0; tries < MAX_TRIES && isTaken(hue); tries++) hue = (hue + STEP) % HUES
  hues.set(id, hue)
  return hue
}

/** @param {number} hue */
function isTaken (hue) {
  return Array.from(hues.values()).some((other) => Math.abs(other - hue) < APART)
}
