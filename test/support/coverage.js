import { readdirSync } from 'node:fs'

// Every test may cover every file of lib, and nothing else is measured. The view of the console is
// left out: it runs in browsers only, where test/flows/console-stories.ts drives all of it.
const files = readdirSync(new URL('../../lib', import.meta.url), { recursive: true, encoding: 'utf8' })
  .map((file) => `lib/${file.replaceAll('\\', '/')}`)
  .filter((file) => file.endsWith('.ts') && !file.startsWith('lib/console/view/'))

export default () => files
