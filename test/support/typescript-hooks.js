// Hooks of Node's module loader.
import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const cache = new URL('../../.cache/typescript/', import.meta.url)
/** @type {import('typescript').CompilerOptions} */
const options = { target: 9, module: 99, verbatimModuleSyntax: true, inlineSourceMap: true, inlineSources: true }

// `./x.js` names x.ts where there is one. A fixture in JavaScript may mean either, and a file that
// is there comes first.
/** @type {import('node:module').ResolveHook} */
export async function resolve (specifier, context, next) {
  if (!/^(?:\.{1,2}\/|file:).*\.js$/.test(specifier)) return await next(specifier, context)
  const names = [specifier.replace(/\.js$/, '.ts'), specifier]
  const [first, second] = context.parentURL?.endsWith('.ts') === true ? names : names.reverse()
  return await next(first, context).catch((error) => next(second, context).catch(() => { throw error }))
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
