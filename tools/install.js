// @ts-check
// Installs the packages that tools/package.json names, which `npm ci` leaves out. Does nothing when
// all of them are there.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)

/** @param {string} path @returns {any} */
function read (path) {
  return JSON.parse(readFileSync(new URL(path, root), 'utf8'))
}

/** @param {string} name */
function isInstalled (name) {
  try {
    return read(`node_modules/${name}/package.json`).version === packages[`node_modules/${name}`].version
  } catch {
    return false
  }
}

const { packages } = read('package-lock.json')
const { devDependencies } = read('tools/package.json')
if (!Object.keys(devDependencies).every(isInstalled)) {
  console.log('Installing what the tests need: browsers, runtimes, compilers, linters')
  const { status } = spawnSync(
    'npm',
    ['install', '--no-save', '--workspaces', '--include-workspace-root', '--no-audit', '--no-fund'],
    { cwd: fileURLToPath(root), stdio: 'inherit' }
  )
  process.exitCode = status ?? 1
}
