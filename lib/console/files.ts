import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** A file of the page, as it is served. */
export interface PageFile {
  readonly name: string
  readonly type: string
  readonly body: Buffer
  readonly etag: string
}

const TYPES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'main.js': 'text/javascript; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml'
}

// The build puts them into dist; package.json says where, for the sources as well.
const { resolve } = createRequire(import.meta.url)

/**
 * Reads the files of the page.
 *
 * @param document - the URL that the page reads its document from.
 */
export function readPage (document: string): PageFile[] {
  return Object.entries(TYPES).map(([name, type]) => {
    const source = readFileSync(resolve(`#console/${name}`), 'utf8')
    const body = Buffer.from(source.replace('data-document=""', () => `data-document="${escape(document)}"`))
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`
    return { name, type, body, etag }
  })
}

function escape (text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
}
