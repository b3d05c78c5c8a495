import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { runNode } from '../support/child.js'

const root = new URL('../../', import.meta.url)
const workshop = new URL('.cache/docs/', root)
// Code a reader sees, and what a test adds to it in a comment.
const BLOCK = /```(?:ts|js)\n([^]*?)```|<!-- test\n([^]*?)-->/g

// Blocks that are files of their own import each other, and some of them the same.
const OWN_IMPORT = /^import .* from '\.\.?\/.*'$/

/** All code of a page is one program, in the order of the page. */
function programOf (page: string): string {
  const lines = Array.from(page.matchAll(BLOCK), ([, shown, hidden]) => shown ?? hidden).join('\n').split('\n')
  return lines.filter((line, i) => !line.startsWith('import ') || (!OWN_IMPORT.test(line) && lines.indexOf(line) === i)).join('\n')
}

async function pages (): Promise<string[]> {
  const names = [...await readdir(root), ...(await readdir(new URL('docs/', root))).map((name) => `docs/${name}`)]
  return names.filter((name) => name.endsWith('.md'))
}

/** Port 3000 may be in use: the program listens on any, and says to its clients on which. */
function onAnyPort (program: string): string {
  if (!program.includes('port: 3000')) return program
  return program.replace('port: 3000', 'port: 0').replaceAll(
    /'([^']*localhost:)3000([^']*)'/g,
    '(\'$1\' + new URL(app.listeningOrigin).port + \'$2\')'
  )
}

/** Passes when Node does, else fails with what it wrote. */
async function runs (t: Test, name: string, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await runNode(args, fileURLToPath(root))
  t.equal(code, 0, name, { says: (stdout + stderr).trim().split('\n') })
}

const options = {
  extends: '../../tsconfig.json',
  compilerOptions: { rootDir: '.', outDir: '.', noEmit: false, lib: ['ES2023', 'DOM'], noUnusedLocals: false, skipLibCheck: true },
  include: ['*.ts'],
  exclude: []
}

t.test('the code of the README and the docs compiles and runs without a failure', async (t) => {
  await mkdir(workshop, { recursive: true })
  const programs: string[] = []
  for (const page of await pages()) {
    const program = programOf(await readFile(new URL(page, root), 'utf8'))
    if (program === '') continue
    const name = page.replaceAll('/', '-').replace('.md', '')
    programs.push(name)
    // A browser sends the page's origin by itself.
    const browser = page === 'README.md'
      ? 'const WebSocket = class extends Client { ' +
        'constructor (url: string) { super(url, { origin: \'http://localhost:3000\' }) } } as unknown as typeof globalThis.WebSocket\n'
      : ''
    await writeFile(new URL(`${name}.ts`, workshop), `export {}\n${onAnyPort(browser + program)}`)
  }
  await writeFile(new URL('tsconfig.json', workshop), JSON.stringify(options))
  await runs(t, 'all of it compiles', 'node_modules/typescript-7/bin/tsc', '-p', fileURLToPath(workshop))
  t.ok(programs.length >= 5, 'every page with code was found')
  for (const name of programs) {
    await runs(t, name, fileURLToPath(new URL(`${name}.js`, workshop)))
  }
})

t.test('every link of the README and the docs leads somewhere', async (t) => {
  const known = new Map<string, string>()
  for (const page of [...await pages(), 'examples/README.md']) {
    known.set(new URL(page, root).href, await readFile(new URL(page, root), 'utf8'))
  }
  for (const [page, text] of known) {
    for (const link of linksOf(text)) {
      const target = new URL(link, page)
      const anchor = target.hash.slice(1)
      target.hash = ''
      const content = known.get(target.href) ?? await readFile(target, 'utf8').catch((error) => error.code === 'EISDIR' ? '' : undefined)
      if (content === undefined) t.fail(`${page} links to ${link}, which does not exist`)
      else if (anchor !== '') t.ok(content.split('\n').some((line) => line.startsWith('#') && slug(line) === anchor), `${link} in ${page}`)
    }
  }
})

t.test('every file that a page of the package links to is in the package', async (t) => {
  const { NODE_OPTIONS: _, ...env } = process.env
  const cwd = fileURLToPath(root)
  const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd, env, maxBuffer: 2 ** 24 })
  const [{ files }] = JSON.parse(stdout) as [{ files: Array<{ path: string }> }]
  const packed = files.map(({ path }) => new URL(path, root).href)
  const docs = (await pages()).filter((page) => page.startsWith('docs/'))
  for (const page of ['README.md', 'llms.txt', 'examples/README.md', ...docs]) {
    t.ok(packed.includes(new URL(page, root).href), `${page} is in the package`)
    for (const link of linksOf(await readFile(new URL(page, root), 'utf8'))) {
      const { href } = new URL(link.replace(/#.*/, ''), new URL(page, root))
      const isPacked = packed.some((file) => file === href || file.startsWith(`${href}/`))
      t.ok(isPacked, `${link} of ${page} is in the package: see "files" of package.json`)
    }
  }
})

/** The links of a page that are not absolute: a registry shows it beside the package's files. */
function linksOf (page: string): string[] {
  const text = page.replaceAll(/^```[^]*?^```/gm, '')
  return Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link!).filter((link) => !/^https?:/.test(link))
}

function slug (heading: string): string {
  return heading.replace(/^#+ /, '').toLowerCase().replaceAll(/[^a-z0-9 -]/g, '').replaceAll(' ', '-')
}
