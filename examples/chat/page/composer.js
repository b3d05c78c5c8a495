// @ts-check
import { part } from './element.js'

const MAX_IMAGE_BYTES = 1024 * 1024
const MAX_SIDE_PX = 1600

/**
 * @typedef {object} Listeners
 * @property {(text: string) => void} onText
 * @property {(image: Blob) => void} onImage
 * @property {(title: string, text: string) => void} onProblem
 */

/** Where the person writes, and picks, pastes or drops images. */
export class Composer {
  #form = /** @type {HTMLFormElement} */ (part(document, '#composer'))
  #text = /** @type {HTMLTextAreaElement} */ (part(document, '#text'))
  #file = /** @type {HTMLInputElement} */ (part(document, '#file'))
  #pick = /** @type {HTMLButtonElement} */ (part(document, '#pick'))
  #send = /** @type {HTMLButtonElement} */ (part(document, '#send'))
  #listeners

  /** @param {Listeners} listeners */
  constructor (listeners) {
    this.#listeners = listeners
    this.#form.addEventListener('submit', (event) => this.#submit(event))
    this.#text.addEventListener('keydown', (event) => this.#keyDown(event))
    this.#pick.addEventListener('click', () => this.#file.click())
    this.#file.addEventListener('change', () => this.#choose())
    document.addEventListener('paste', (event) => this.#take(event, event.clipboardData))
    document.addEventListener('drop', (event) => this.#take(event, event.dataTransfer))
    document.addEventListener('dragover', (event) => this.#dragOver(event))
    document.addEventListener('dragleave', () => document.body.classList.remove('dropping'))
  }

  /**
   * @param {string} placeholder
   * @param {boolean} takesText - else a text stays here
   * @param {boolean} takesImages
   */
  setState (placeholder, takesText, takesImages) {
    this.#text.placeholder = placeholder
    this.#send.disabled = !takesText
    this.#pick.disabled = !takesImages
  }

  /**
   * Gives back what did not get through, in front of what the person writes now.
   * @param {string} text
   */
  restore (text) {
    if (text !== '') this.#text.value = [text, this.#text.value].filter(Boolean).join('\n')
  }

  /** @param {SubmitEvent} event */
  #submit (event) {
    event.preventDefault()
    if (this.#send.disabled) return
    // Empty or too long: that is for the server to judge.
    this.#listeners.onText(this.#text.value)
    this.#text.value = ''
  }

  /** @param {KeyboardEvent} event */
  #keyDown (event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    this.#form.requestSubmit()
  }

  #choose () {
    for (const file of this.#file.files ?? []) this.#offer(file)
    this.#file.value = ''
  }

  /** @param {DragEvent} event */
  #dragOver (event) {
    if (!event.dataTransfer?.types.includes('Files')) return
    event.preventDefault()
    document.body.classList.add('dropping')
  }

  /**
   * @param {Event} event
   * @param {DataTransfer | null} data
   */
  #take (event, data) {
    document.body.classList.remove('dropping')
    if (data === null || data.files.length === 0) return
    event.preventDefault()
    for (const file of data.files) this.#offer(file)
  }

  /** @param {File} file */
  async #offer (file) {
    if (this.#pick.disabled) return
    const image = await shrink(file).catch(() => file)
    if (image.size > MAX_IMAGE_BYTES) {
      this.#listeners.onProblem(
        'Not sent.',
        `${file.name} is larger than 1 MiB and could not be made smaller.`
      )
    } else this.#listeners.onImage(image)
  }
}

/**
 * A photo is larger than the server takes, and than anybody sees: makes a smaller one.
 * @param {Blob} file
 */
async function shrink (file) {
  if (file.size <= MAX_IMAGE_BYTES) return file
  const bitmap = await window.createImageBitmap(file)
  const scale = Math.min(1, MAX_SIDE_PX / Math.max(bitmap.width, bitmap.height))
  const canvas = new window.OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale))
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  bitmap.close()
  return await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.8 })
}
