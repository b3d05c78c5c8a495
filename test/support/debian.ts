// Packages of Debian for tests, without root: downloaded and unpacked, not installed.
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

/**
 * Unpacks a package into a folder, and those it depends on that are missing here.
 * @returns whether it could be had.
 */
export async function unpackPackages (name: string, folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true })
    const names = `apt-get install -s -qq --no-install-recommends ${name} | awk '/^Inst/ { print $2 }'`
    const unpack = 'for deb in *.deb; do dpkg-deb -x "$deb" . && rm "$deb"; done'
    await promisify(execFile)('sh', ['-c', `${names} | xargs apt-get download -qq && ${unpack}`], { cwd: folder })
    return true
  } catch {
    return false
  }
}

/** The variable by which a program of the folder finds the libraries beside it. */
export function librariesIn (folder: string): { LD_LIBRARY_PATH: string } {
  const libraries = join(folder, 'usr/lib', `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`)
  return { LD_LIBRARY_PATH: [libraries, process.env['LD_LIBRARY_PATH'] ?? ''].join(delimiter) }
}
