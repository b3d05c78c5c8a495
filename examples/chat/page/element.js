// @ts-check

/**
 * A part that is known to be there.
 * @param {ParentNode} parent
 * @param {string} selector
 */
export function part (parent, selector) {
  return /** @type {HTMLElement} */ (parent.querySelector(selector))
}

/**
 * A copy of what a `<template>` holds.
 * @param {string} id
 */
export function stamp (id) {
  const { content } = /** @type {HTMLTemplateElement} */ (part(document, `template#${id}`))
  return /** @type {HTMLElement} */ (content.firstElementChild?.cloneNode(true))
}
