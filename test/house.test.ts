// The walls of the house: who may import whom, and what must stand written where.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import t from 'tap'
import ts from 'typescript'

// From the ground up: a file imports from its own folder and from the floors below it.
const floors = [
  ['types'],
  ['lib', 'lib/schema'],
  ['lib/brokers'],
  ['lib/client', 'lib/compat', 'lib/console/page'],
  ['lib/console/view'],
  [
    'lib/server/errors', 'lib/server/ignorable', 'lib/server/printable', 'lib/server/suggest', 'lib/server/turn',
    'lib/server/symbols', 'lib/server/diagnostics', 'lib/server/failure', 'lib/server/stats', 'lib/server/options'
  ],
  [
    'lib/server/transport'
  ], ['lib/server/compile'], ['lib/server/messages'], ['lib/server/topics'], ['lib/server/handshake'], ['lib/server/connection'],
  ['lib/server'],
  ['lib/index', 'lib/asyncapi', 'lib/console', 'lib/testing']
]
// Browsers load these, and see these types.
const isShared = (file: string) => /^lib\/(?:client|compat|console\/page|console\/view|schema)\//.test(file) ||
  (/^lib\/[\w-]+\.ts$/.test(file) && file !== 'lib/index.ts') ||
  ['binary', 'client', 'compat', 'contract', 'infer', 'mistakes', 'presence', 'recovery'].some((name) => file === `types/${name}.ts`)

const root = posix.join(import.meta.dirname.replaceAll('\\', '/'), '..')
const code = filesIn('lib', 'types').filter((file) => file.endsWith('.ts'))
const sources = new Map(code.map((file) => [file, parse(file)]))
const written = filesIn('lib', 'types', 'test', 'bench', 'examples', 'tools')
  .filter((file) => /\.[jt]s$/.test(file) && isSource(file))
// Subordinate clauses: a comment begins with the thing that it explains.
const OPENINGS = /^(?:What|Who|Whoever|Whose|Nobody|Somebody|Whether)\b/
// A name of a test without a subject begins with one of these. Verbs that are nouns as well, like
// "answers" and "calls", are left out.
const NO_SUBJECT = new RegExp(`^(?:${[
  'what', 'who', 'whoever', 'whose', 'whatever', 'nobody', 'somebody', 'whether', 'and', 'but', 'or', 'not', 'that',
  'it', 'they', 'should', 'must', 'can', 'may', 'will', 'does', 'is', 'are', 'has', 'have', 'says', 'tells', 'knows',
  'keeps', 'gets', 'gives', 'takes', 'makes', 'puts', 'sends', 'receives', 'publishes', 'subscribes', 'refuses',
  'rejects', 'resolves', 'accepts', 'admits', 'allows', 'ignores', 'handles', 'throws', 'opens', 'waits', 'stays',
  'goes', 'comes', 'leaves', 'ends', 'begins', 'cuts', 'finds', 'follows', 'checks', 'compiles', 'serializes', 'parses',
  'validates', 'works', 'runs', 'uses', 'frees', 'adds', 'removes', 'terminates', 'survives'
].join('|')})\\b`, 'i')
// Words for people of no name: the house has one for each of them.
const NO_WORDS = /\b(?:peers?|nobody|somebody|whoever|everybody|anybody)\b/i
const imports = code.flatMap((file) => importsOf(file))

t.test('every folder of lib and types has its floor', async (t) => {
  for (const file of code) t.ok(floorOf(file) >= 0, `${file} stands on a floor: add its folder to the floors in test/house.test.ts`)
})

t.test('imports stay in their folder or point down', async (t) => {
  for (const { from, to } of imports.filter(({ to }) => sources.has(to))) {
    t.ok(floorOf(to) <= floorOf(from), `${from} may not import ${to}, which is above it: declare what is needed and be handed it`)
  }
})

t.test('brokers import only their types, and the server imports only the broker that needs nothing', async (t) => {
  for (const { from, to } of imports.filter(({ to }) => sources.has(to))) {
    const isOwn = to.startsWith('lib/brokers/')
    const advice = `${from} may not import ${to}: a broker is told all it needs`
    if (from.startsWith('lib/brokers/')) t.ok(isOwn || to === 'types/broker.ts', advice)
    if (isOwn && from.startsWith('lib/server/')) t.equal(to, 'lib/brokers/memory.ts', `${from} is given any other broker`)
  }
})

t.test('documents are made of contracts, and see of the server only its errors and symbols', async (t) => {
  const seen = ['errors', 'suggest', 'symbols'].map((name) => `lib/server/${name}.ts`)
  for (const { from, to } of imports.filter(({ from, to }) => from.startsWith('lib/asyncapi/') && to.startsWith('lib/'))) {
    const isBelow = /^lib\/(?:asyncapi\/|schema\/|[\w-]+\.ts$)/.test(to)
    t.ok(isBelow || seen.includes(to), `${from} may not import ${to}: a route says what a document tells`)
  }
})

t.test('no file imports itself through others', async (t) => {
  const targets = new Map(code.map((file) => [file, imports.filter(({ from }) => from === file).map(({ to }) => to)]))
  t.same(code.flatMap((file) => circleFrom(file, targets)), [], 'no circle')
})

t.test('files that a browser loads import no Node, no Fastify, no ws and nothing of the server', async (t) => {
  const foreign = (name: string) => /^(?:node:|@?fastify\b|ws$|lib\/server\/|lib\/index)/.test(name) || builtinModules.includes(name)
  for (const { from, to, isType } of imports.filter(({ from }) => isShared(from))) {
    t.notOk(foreign(to), `${from} may not import ${to}: it also runs in browsers`)
    t.ok(isType || isShared(to), `${from} may import ${to} as a type only: a browser loads what is imported as a value`)
  }
})

t.test('types have no code', async (t) => {
  for (const file of code.filter((file) => file.startsWith('types/'))) {
    const { outputText } = ts.transpileModule(read(file), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext, verbatimModuleSyntax: true, removeComments: true }
    })
    // an import for its effect is how another module's augmentation is taken along
    t.match(outputText, /^(?:(?:import '[^']+'|export \{\});\s*)*$/, `${file} compiles to nothing`)
  }
})

t.test('the door has no code, only re-exports', async (t) => {
  for (const statement of sources.get('lib/index.ts')?.statements ?? []) {
    t.ok(ts.isExportDeclaration(statement) && statement.moduleSpecifier, `lib/index.ts re-exports, but says: ${statement.getText()}`)
  }
})

t.test('every file of lib is reached from a door', async (t) => {
  const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, string | { default: string }> }
  const doors = Object.values(exports).flatMap((door) => typeof door === 'string'
    ? []
    : door.default.replace('./dist/', '').replace('.js', '.ts'))
  // The console's page is built from its own.
  const reached = new Set([...doors, 'lib/console/view/main.ts'])
  for (const file of reached) for (const { to } of imports.filter(({ from }) => from === file)) reached.add(to)
  for (const file of code.filter((file) => file.startsWith('lib/'))) {
    t.ok(
      reached.has(file),
    `${file} is reached from ${doors.join(' or ')}`
    )
  }
})

t.test('an app loads the typed client only when injectClient is called', async (t) => {
  const loaded = new Set(['lib/index.ts'])
  for (const file of loaded) {
    for (const { to } of imports.filter(({ from, isType, isLate }) => from === file && !isType && !isLate)) loaded.add(to)
  }
  t.ok(loaded.has('lib/server/plugin.ts'), 'the plugin is loaded at once')
  const late = [...loaded].filter((file) => file === 'lib/server/inject.ts' || file.startsWith('lib/client/'))
  t.same(late, [], 'the client is not: import it by import()')
})

t.test('every test is a unit or a flow, and not both', async (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const patternsOf = (script: string) => Array.from(scripts[script]!.matchAll(/'(test\/[^']+)'/g), ([, glob]) => patternOf(glob!))
  const [units, flows] = [patternsOf('units'), patternsOf('flows')]
  for (const file of filesIn('test').filter((file) => file.endsWith('.test.ts'))) {
    const scripts = [...units, ...flows].filter((pattern) => pattern.test(file))
    t.equal(scripts.length, 1, `${file} is run by one of test:unit and test:flows`)
  }
})

t.test('error codes in lib and in the tables of docs are the same', async (t) => {
  const codesIn = (text: string) => text.match(/FST_TYPED_WS_[A-Z_]*[A-Z]/g) ?? []
  const thrown = new Set(code.flatMap((file) => codesIn(literalsOf(file))))
  const pages = filesIn('docs').filter((file) => file.endsWith('.md'))
  const rows = new Set(pages.flatMap((page) => codesIn(read(page).split('\n').filter((line) => line.startsWith('|')).join('\n'))))
  t.ok(thrown.size, 'lib has error codes')
  for (const name of thrown) t.ok(rows.has(name), `${name} stands in a table of docs/*.md`)
  for (const page of [...pages, 'README.md']) {
    for (const name of codesIn(read(page))) t.ok(thrown.has(name), `${name} of ${page} stands in lib`)
  }
})

t.test('files and folders that the pages for contributors name exist', async (t) => {
  const inFolders = filesIn('lib', 'types', 'test', 'examples', 'bench', 'docs', 'tools')
  const files = [...inFolders, ...readdirSync(root)]
  const isThere = (name: string) => files.some((file) => {
    return file === name || file.endsWith(`/${name}`) || `${file}/`.includes(`/${name}/`) || file.startsWith(`${name}/`)
  })
  for (const page of ['docs/internals.md', 'docs/decisions.md', 'CONTRIBUTING.md']) {
    const names = Array.from(read(page).matchAll(/`([\w./-]+(?:\.(?:ts|js|md|json)|\/))`/g), ([, name]) => name!.replace(/\/$/, ''))
    t.ok(names.length > 0, `${page} names files`)
    for (const name of names.filter((name) => !/^dist\b|^\.cache/.test(name))) t.ok(isThere(name), `${name} of ${page} exists`)
  }
})

t.test('llms.txt lists every page of docs by its title', async (t) => {
  const pages = filesIn('docs').filter((file) => file.endsWith('.md'))
  const titled = pages.map((page) => `[${read(page).split('\n', 1)[0]!.replace(/^# /, '')}](${page})`)
  const listed = Array.from(read('llms.txt').matchAll(/^- (\[.+?\]\(.+?\)): \S/gm), ([, link]) => link!)
  t.same(listed.toSorted(), titled.toSorted())
})

t.test('nothing points outside the project', async (t) => {
  const outside = [['..', 'shared'].join('/'), ['', 'work', ''].join('/')]
  for (const file of [...filesIn('lib', 'types', 'test', 'examples', 'bench', 'docs'), 'README.md', 'package.json']) {
    for (const path of outside) t.notOk(read(file).includes(path), `${file} does not mention ${path}`)
  }
})

t.test('comments begin with a noun or a verb and have 100 columns at most, code has 140', async (t) => {
  for (const file of written) {
    const text = read(file)
    const comments = commentsOf(file, text)
    const inComment = new Set(comments.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i)))
    t.same(comments.filter(({ words }) => OPENINGS.test(words)).map(({ first }) => `${file}:${first + 1}`), [], `the comments of ${file}`)
    const wide = text.split('\n').flatMap((line, i) => {
      const max = inComment.has(i) && /^\s*(?:\/\/|\/?\*)/.test(line) ? 100 : 140
      return line.length > max ? [`${file}:${i + 1} has ${line.length} columns`] : []
    })
    t.same(wide, [], `the width of ${file}`)
  }
})

t.test('every name of a test has a subject', async (t) => {
  const tests = written.filter((file) => file.startsWith('test/') && file.endsWith('.ts'))
  for (const file of tests) {
    const names = testNamesOf(file)
    if (file.endsWith('.test.ts')) t.ok(names.length > 0, `${file} has tests`)
    const wrong = names.filter((name) => NO_SUBJECT.test(name.replace(/^\S+: /, '')) || NO_WORDS.test(name))
    t.same(wrong, [], `the names of ${file}: begin each with the thing that it is about`)
  }
})

t.test('a file of lib has 300 lines at most, and a class 250', async (t) => {
  for (const file of code.filter((file) => file.startsWith('lib/'))) {
    const source = sources.get(file)!
    t.ok(read(file).trimEnd().split('\n').length <= 300, `${file} has 300 lines at most`)
    for (const statement of source.statements.filter((statement) => ts.isClassDeclaration(statement))) {
      const [first, last] = [statement.getStart(), statement.getEnd()].map((at) => source.getLineAndCharacterOfPosition(at).line)
      t.ok(last! - first! < 250, `${file}: class ${statement.name?.text} has 250 lines at most`)
    }
  }
})

t.test('lib/server has 16 files and 6 folders at most', async (t) => {
  const entries = readdirSync(posix.join(root, 'lib/server'), { withFileTypes: true })
  t.ok(entries.filter((entry) => entry.isFile()).length <= 16)
  t.ok(entries.filter((entry) => entry.isDirectory()).length <= 6)
})

interface Comment { words: string, first: number, last: number }

/** The comments of a file: a line comment that continues another is none of its own. */
function commentsOf (file: string, text: string): Comment[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const found = new Map<number, Comment>()
  const lines = text.split('\n')
  const visit = (node: ts.Node) => {
    const [leading, trailing] = [ts.getLeadingCommentRanges(text, node.getFullStart()), ts.getTrailingCommentRanges(text, node.getEnd())]
    const ranges = [...leading ?? [], ...trailing ?? []]
    for (const { pos, end } of ranges) {
      const [first, last] = [pos, end].map((at) => source.getLineAndCharacterOfPosition(at).line) as [number, number]
      const before = lines[first - 1]?.trim() ?? ''
      const isContinued = text.startsWith('//', pos) && before.startsWith('//')
      const words = isContinued ? '' : text.slice(pos, end).replace(/^\/\*+|^\/\/|\*\/$/g, '').replace(/^\s*\*\s?/gm, '').trim()
      found.set(pos, { words, first, last })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  visit(source.endOfFileToken)
  return [...found.values()]
}

/** The names of the tests in a file, with … for each expression. */
function testNamesOf (file: string): string[] {
  const names: string[] = []
  const visit = (node: ts.Node) => {
    if (ts.isCallExpression(node) && node.arguments.length > 1 && /(?:^|\.)test$/.test(node.expression.getText())) {
      const [name] = node.arguments
      if (ts.isStringLiteralLike(name!)) names.push(name.text)
      if (ts.isTemplateExpression(name!)) {
        names.push(name.head.text + name.templateSpans.map(({ literal }) => `…${literal.text}`).join(''))
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(parse(file))
  return names
}

interface Import { from: string, to: string, isType: boolean, isLate: boolean }

/** Every import and re-export of a file, `import('…')` and types written so included. */
function importsOf (file: string): Import[] {
  const found: Import[] = []
  const add = (specifier: ts.Node | undefined, isType: boolean, isLate = false) => {
    if (specifier && ts.isStringLiteral(specifier)) found.push({ from: file, to: resolve(file, specifier.text), isType, isLate })
  }
  const visit = (node: ts.Node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, node.importClause?.isTypeOnly ?? false)
    if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0], false, true)
    ts.forEachChild(node, visit)
  }
  visit(sources.get(file)!)
  return found
}

/** The texts a file has between quotes: a code in a comment is not one that is thrown. */
function literalsOf (file: string): string {
  const texts: string[] = []
  const visit = (node: ts.Node) => {
    if (ts.isStringLiteralLike(node)) texts.push(node.text)
    ts.forEachChild(node, visit)
  }
  visit(sources.get(file)!)
  return texts.join('\n')
}

/** The way from a file back to itself, or none. */
function circleFrom (start: string, targets: Map<string, string[]>): string[] {
  const seen = new Set<string>()
  const walk = (file: string, path: string): string[] => {
    for (const to of targets.get(file) ?? []) {
      if (to === start) return [`${path} > ${to}`]
      if (seen.has(to)) continue
      seen.add(to)
      const circle = walk(to, `${path} > ${to}`)
      if (circle.length) return circle
    }
    return []
  }
  return walk(start, start)
}

/** The floor of a file: its own where it is named, else that of its folder. */
function floorOf (file: string): number {
  const own = floors.findIndex((names) => names.includes(file.replace(/\.ts$/, '')))
  return own >= 0 ? own : floors.findIndex((names) => names.includes(posix.dirname(file)))
}

/** A glob of a script as a regular expression. */
function patternOf (glob: string): RegExp {
  const source = glob.replaceAll('.', '\\.').replace(/(\*\*\/)|\*/g, (_, folders?: string) => folders === undefined ? '[^/]*' : '(?:.+/)?')
  return new RegExp(`^${source}$`)
}

function resolve (from: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts') : specifier
}

// The compiler writes a .js beside each .ts of the examples, and a bundler a folder dist.
function isSource (file: string): boolean {
  return !file.includes('/dist/') && (file.endsWith('.ts') || !existsSync(posix.join(root, file.replace(/\.js$/, '.ts'))))
}

function parse (file: string): ts.SourceFile {
  return ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true)
}

function read (file: string): string {
  return readFileSync(posix.join(root, file), 'utf8')
}

function filesIn (...folders: string[]): string[] {
  return folders.flatMap((folder) => readdirSync(posix.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.relative(root, posix.join(entry.parentPath.replaceAll('\\', '/'), entry.name)))
    .filter((file) => !file.includes('node_modules/'))
    .sort())
}
