// @ts-check
// Bundles tests to JavaScript: a file for each, and chunks for what they share. To load the
// thousand modules of tap, Fastify, TypeBox and the package one by one costs a process more time
// than most tests take; to load a map of the sources into it costs as much.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { SourceMap } from 'node:module'
import { dirname, extname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

// Packages that most tests load, and those that must have the same instances of them. All others
// stay outside.
const BUNDLED = new RegExp(`^(?:${[
  'tap', 'fast-check', 'fastify', 'fastify-plugin', '@fastify', 'mercurius', 'ws', 'typebox', '@sinclair', 'ajv', 'ajv-formats',
  '@eslint-community', 'fastest-levenshtein'
].join('|')})(?:/|$)`)
const RUNNER = 'tools/unit.js'
const UNIT_TAP = `${root}tools/unit-tap.js`
const REQUIRE = 'import bundleModule from "node:module"; const require = bundleModule.createRequire(import.meta.url);'

/**
 * Compiles tests, and returns where the script of one is and how to name the sources in what it
 * wrote. The scripts are gone when the process ends.
 *
 * @param {readonly string[]} files
 */
export async function compile (files) {
  mkdirSync(`${root}.cache`, { recursive: true })
  const out = mkdtempSync(`${root}.cache/units-`)
  process.once('exit', () => rmSync(out, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  await build({
    absWorkingDir: root,
    // A test of autoload imports the package by its URL.
    entryPoints: [...files, 'lib/index.ts', RUNNER],
    outdir: out,
    outbase: root,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    keepNames: true,
    sourcemap: 'external',
    sourcesContent: false,
    banner: { js: REQUIRE },
    // types/fastify.ts has only types.
    logOverride: { 'ignored-bare-import': 'silent' },
    logLevel: 'warning',
    plugins: [{
      name: 'modules',
      setup ({ onResolve, onLoad }) {
        onResolve({ filter: /^tap$/ }, ({ importer }) => importer.startsWith(`${root}test/`) ? { path: UNIT_TAP } : undefined)
        onResolve({ filter: /^[^./]/ }, ({ path, importer }) => isBundled(path, importer) ? undefined : { path, external: true })
        onLoad({ filter: /\.(?:ts|[cm]?js)$/ }, async ({ path }) => {
          return { contents: located(await readFile(path, 'utf8'), path), loader: extname(path) === '.ts' ? 'ts' : 'js' }
        })
      }
    }]
  })
  return {
    runner: join(out, RUNNER),
    scriptOf: (/** @type {string} */ file) => join(out, file.replace(/\.ts$/, '.js')),
    toSources: (/** @type {string} */ output) => toSources(output, out)
  }
}

/** @param {string} specifier @param {string} importer */
function isBundled (specifier, importer) {
  return importer === '' || importer.includes('node_modules') || BUNDLED.test(specifier)
}

// A module looks for files beside its source, not beside the bundle.
/** @param {string} source @param {string} path */
function located (source, path) {
  const code = source
    .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
    .replaceAll('import.meta.filename', JSON.stringify(path))
    .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)))
  if (!path.includes('node_modules') || !/\b__(?:dir|file)name\b/.test(code)) return code
  return `var __filename = ${JSON.stringify(path)}, __dirname = ${JSON.stringify(dirname(path))};${code}`
}

// Both ways in which a place is written: `file:line:column`, and tap's in three lines.
/** @param {string} output @param {string} out */
function toSources (output, out) {
  /** @type {Map<string, SourceMap>} */
  const maps = new Map()
  const folder = relative(root, out)
  const script = `(?:[^\\s('"]*/)?${folder}/([\\w./-]+\\.js)`
  const place = (/** @type {string} */ file, /** @type {string} */ line, /** @type {string} */ column) => {
    const path = join(out, file)
    const map = maps.get(path) ?? new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')))
    maps.set(path, map)
    const entry = map.findEntry(Number(line) - 1, Number(column) - 1)
    // A place that no source has: code of the bundler's.
    if (!('originalSource' in entry)) return { file: relative(root, path), line, column }
    const { originalSource, originalLine, originalColumn } = entry
    return { file: relative(root, join(dirname(path), originalSource)), line: originalLine + 1, column: originalColumn + 1 }
  }
  return output
    .replaceAll(new RegExp(`${script}:(\\d+):(\\d+)`, 'g'), (_, ...found) => {
      const { file, line, column } = place(found[0], found[1], found[2])
      return `${file}:${line}:${column}`
    })
    .replaceAll(new RegExp(`fileName: ${script}(\\s+)lineNumber: (\\d+)\\s+columnNumber: (\\d+)`, 'g'), (_, ...found) => {
      const { file, line, column } = place(found[0], found[2], found[3])
      return `fileName: ${file}${found[1]}lineNumber: ${line}${found[1]}columnNumber: ${column}`
    })
}
