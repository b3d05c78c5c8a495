// Hooks of Node's module loader.
import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const cache = new URL('../../.cache/typescript/', import.meta.url)
/** @type {import('typescript').CompilerOptions} */
const options = { target: 9, module: 99, verbatimModuleSyntax: true, inlineSourceMap: true, inlineSources: true }

/** @type {import('node:module').ResolveHook} */
export async function resolve (specifier, context, next) {
  if (!/^\.{1,2}\/.*\.js$/.test(specifier) || context.parentURL?.endsWith('.ts') !== true) return await next(specifier, context)
  // `./x.js` names x.ts where there is one.
  return await next(specifier.replace(/\.js$/, '.ts'), context).catch(() => next(specifier, context))
}

/** @type {import('node:module').LoadHook} */
export async function load (url, context, next) {
  if (!url.endsWith('.ts') || url.includes('/node_modules/')) return await next(url, context)
  const source = await readFile(new URL(url), 'utf8')
  return { format: 'module', source: await compiled(fileURLToPath(url), source), shortCircuit: true }
}

/** @param {string} fileName @param {string} source */
async function compiled (fileName, source) {
  const key = createHash('sha1').update(`${JSON.stringify(options)}\n${fileName}\n${source}`).digest('hex')
  const file = new URL(`${key}.js`, cache)
  return await readFile(file, 'utf8').catch(() => compile(fileName, source, file))
}

/** @param {string} fileName @param {string} source @param {URL} file */
async function compile (fileName, source, file) {
  const { default: typescript } = await import('typescript')
  const { outputText } = typescript.transpileModule(source, { fileName, compilerOptions: options })
  // Other processes read and write here too: a file is whole or not there.
  const draft = new URL(`${file.href}.${process.pid}`)
  mkdirSync(cache, { recursive: true })
  writeFileSync(draft, outputText)
  renameSync(draft, file)
  return outputText
}
