// @ts-check
// Compiles lib, types and test to JavaScript in .cache/units, at once for all processes. A loader
// costs each process a thread, and for each of a thousand modules a way there and back: more time
// than most tests take.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { transform } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const out = `${root}.cache/units/`

/**
 * Compiles all sources, and returns how to name the script of a test.
 *
 * @returns {Promise<(file: string) => string>}
 */
export async function compile () {
  const sources = ['lib', 'types', 'test'].flatMap((folder) => filesIn(`${root}${folder}/`, '.ts').map((file) => `${folder}/${file}`))
  const scripts = new Set(sources.map(scriptOf))
  for (const file of filesIn(out, '.js')) if (!scripts.has(file)) rmSync(out + file)
  await Promise.all(sources.map(write))
  return (file) => out + scriptOf(file)
}

// A run beside this one reads the same files: those that are up to date stay untouched.
/** @param {string} file */
async function write (file) {
  const script = out + scriptOf(file)
  const code = await compiled(file)
  if (read(script) === code) return
  mkdirSync(dirname(script), { recursive: true })
  writeFileSync(script, code)
}

// `import.meta` speaks of the source, so that fixtures are found beside it.
/** @param {string} file */
async function compiled (file) {
  const path = root + file
  const { code } = await transform(readFileSync(path, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'es2022',
    tsconfigRaw: { compilerOptions: { target: 'ES2022', verbatimModuleSyntax: true } },
    define: {
      'import.meta.url': JSON.stringify(pathToFileURL(path).href),
      'import.meta.filename': JSON.stringify(path),
      'import.meta.dirname': JSON.stringify(dirname(path))
    },
    sourcefile: path,
    sourcemap: 'inline'
  })
  return code
}

/** @param {string} path */
function read (path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** @param {string} folder @param {string} extension */
function filesIn (folder, extension) {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith(extension))
  } catch {
    return []
  }
}

/** @param {string} file */
function scriptOf (file) {
  return file.replace(/\.ts$/, '.js')
}
