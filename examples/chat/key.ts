import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The key that signs cookies, the same on all nodes: COOKIE_KEY, or a random one, which is kept
 * beside the code so that a restart signs nobody out.
 */
export function cookieKey (): Buffer {
  const { COOKIE_KEY } = process.env
  if (COOKIE_KEY !== undefined) return Buffer.from(COOKIE_KEY)
  const folder = join(import.meta.dirname, '.cache')
  const file = join(folder, 'cookie.key')
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, randomBytes(32), { mode: 0o600 })
  }
  return readFileSync(file)
}
