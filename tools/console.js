// @ts-check
// Builds the page of the console into dist: esbuild bundles, terser makes the script smaller.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { minify } from 'terser'

const source = fileURLToPath(new URL('../lib/console/view/', import.meta.url))
const target = fileURLToPath(new URL('../dist/lib/console/page/', import.meta.url))

const { outputFiles } = await build({
  entryPoints: [`${source}main.ts`, `${source}style.css`],
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  outdir: target,
  write: false,
  logLevel: 'warning'
})
const { code = '' } = await minify(textOf('.js'), {
  module: true,
  ecma: 2020,
  compress: { passes: 3, unsafe_arrows: true, unsafe_methods: true, pure_getters: true, keep_fargs: false }
})

mkdirSync(target, { recursive: true })
writeFileSync(`${target}main.js`, code)
writeFileSync(`${target}style.css`, textOf('.css'))
for (const name of ['index.html', 'icon.svg']) writeFileSync(target + name, plain(readFileSync(source + name, 'utf8')))

/** @param {string} end */
function textOf (end) {
  return outputFiles.find(({ path }) => path.endsWith(end))?.text ?? ''
}

/**
 * Markup without its indent: between two of its lines no space is seen. In HTML plain values need
 * no quotes, and these elements no tags at their ends: no text stands behind them.
 *
 * @param {string} markup
 */
function plain (markup) {
  const lines = markup.replaceAll(/\n\s*/g, '')
  if (!markup.startsWith('<!doctype html>')) return lines
  return lines.replaceAll(/="([\w.-]+)"(?=[ >])/g, '=$1').replaceAll(/<head>|<\/(?:head|body|html|p|option)>/g, '')
}
