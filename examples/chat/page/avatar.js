// @ts-check

const HUES = 360
const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/**
 * Shows a person as initials on a color of their own, which is the same on every page.
 * @param {HTMLElement} element
 * @param {{ id: string, name: string }} person
 */
export function paintAvatar (element, { id, name }) {
  element.textContent = initialsOf(name)
  element.style.setProperty('--hue', String(hueOf(id)))
}

/** @param {string} name */
function initialsOf (name) {
  const words = name.split(/\s+/u)
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : words
  return chosen.map((word) => [...letters.segment(word ?? '')][0]?.segment ?? '').join('').toLocaleUpperCase()
}

/** @param {string} id - a UUID: its digits are random */
function hueOf (id) {
  return Number.parseInt(id.slice(0, 8), 16) % HUES
}
