// @ts-check
// Installs the libraries that package.json names beside this file, which nothing but the bench
// uses. Does nothing when all of them are there.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = new URL('./', import.meta.url)

/** @param {string} path @returns {any} */
function read (path) {
  return JSON.parse(readFileSync(new URL(path, here), 'utf8'))
}

/** @param {string} name */
function isInstalled (name) {
  try {
    return versionOf(name) === read('package.json').dependencies[name]
  } catch {
    return false
  }
}

/**
 * @param {string} name of a library of package.json
 * @returns {string} as installed
 */
export function versionOf (name) {
  return read(`node_modules/${name}/package.json`).version
}

export function installPeers () {
  if (Object.keys(read('package.json').dependencies).every(isInstalled)) return
  console.log('Installing what the bench compares with, in bench/peers')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: fileURLToPath(here), stdio: 'inherit' })
  if (status !== 0) throw new Error('npm ci in bench/peers failed: its libraries are installed from the registry of npm')
}
