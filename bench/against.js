// @ts-check
// Another commit of this project as a row of its own: built once, in .cache.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ROWS } from './children.js'
import { refuse } from './options.js'

// Written last: a build that was broken off is begun again.
const DONE = 'built'
const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Adds the row `before`: the server `typed` with the lib of a commit and the packages that are
 * installed here. The server is that of now: it knows every scenario.
 *
 * @param {string} commit
 */
export function addBefore (commit) {
  const hash = hashOf(commit)
  const folder = join(root, '.cache/bench', hash)
  if (!existsSync(join(folder, DONE))) build(hash, folder)
  rmSync(join(folder, 'bench'), { recursive: true, force: true })
  cpSync(join(root, 'bench'), join(folder, 'bench'), { recursive: true })
  ROWS.before = { ...ROWS.typed, file: pathToFileURL(join(folder, 'bench/servers/typed.js')).href, title: hash }
}

/** @param {string} commit */
function hashOf (commit) {
  try {
    return git('rev-parse', '--short', '--verify', '--end-of-options', `${commit}^{commit}`).toString().trim()
  } catch {
    return refuse(`there is no commit '${commit}'`)
  }
}

/**
 * @param {string} hash
 * @param {string} folder
 */
function build (hash, folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  execFileSync('tar', ['-x', '-C', folder], { input: git('archive', hash) })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  execFileSync(process.execPath, ['node_modules/typescript-7/bin/tsc', '-p', 'tsconfig.build.json'], { cwd: folder, stdio: 'inherit' })
  writeFileSync(join(folder, DONE), '')
}

/** @param {string[]} args */
function git (...args) {
  return execFileSync('git', args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 28 })
}
