// The build of TypeBox in which an app registers its kinds and formats may be another one than the
// plugin's.
import { cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { Type } from '@sinclair/typebox'
import { buildOf } from '../../lib/server/compile/builds.js'
import { defineContract } from '../../lib/contract.js'
import { createApp } from '../support/helper.js'
import { runNode } from '../support/child.js'

const project = realpathSync(join(import.meta.dirname, '../..'))
// As it is installed.
const plugin = pathToFileURL(join(project, 'dist/lib/index.js')).href

/** A service's directory, with packages of its own beside the project's. */
function createService (t: Test, files: Record<string, string>, copies: readonly string[] = []): string {
  const directory = t.testdir(files)
  const modules = join(directory, 'node_modules')
  mkdirSync(join(modules, '@sinclair'), { recursive: true })
  for (const name of ['@sinclair/typebox', 'typebox', 'fastify']) {
    if (copies.includes(name)) cpSync(join(project, 'node_modules', name), join(modules, name), { recursive: true })
    else symlinkSync(join(project, 'node_modules', name), join(modules, name))
  }
  return directory
}

async function start (directory: string, file: string): Promise<string> {
  const { stdout, stderr } = await runNode([join(directory, file)], directory)
  return `${stdout}${stderr}`.trim()
}

// Says what becomes of three messages: one good, one whose kind and one whose format is wrong.
const service = (load: string, option = ''): string => `
  ${load}
  TypeRegistry.Set('Even', (_, n) => typeof n === 'number' && n % 2 === 0)
  FormatRegistry.Set('email', (text) => text.endsWith('@ours.example'))
  async function main () {
    const { default: typedWs, defineContract } = await import('${plugin}')
    const { default: Fastify } = await import('fastify')
    for (const more of [{}, { k: Type.Optional(Type.Unsafe({ type: 'string', enum: ['a', 'b'] })) }]) {
      const request = Type.Object({ n: Type.Unsafe({ [Kind]: 'Even' }), mail: Type.String({ format: 'email' }), ...more })
      const contract = defineContract({ name: 'x', clientToServer: { ask: { request, reply: Type.Null() } } })
      const app = Fastify({ pluginTimeout: 0 })
      await app.register(typedWs, { ${option} })
      app.ws('/', { contract, on: { ask: () => null } })
      try {
        const client = await app.injectClient(contract, '/')
        for (const payload of [{ n: 2, mail: 'a@ours.example' }, { n: 3, mail: 'a@ours.example' }, { n: 2, mail: 'a@other.example' }]) {
          console.log(await client.call('ask', payload).then(() => 'taken', ({ message }) => message))
        }
      } catch (error) {
        console.log(error.code, error.message)
      }
      await app.close()
    }
  }
  main()
`
const enforced = ['taken', 'message/n must be Even', 'message/mail must match format "email"']

t.test('a CommonJS service\'s kinds and formats are enforced', async (t) => {
  const load = 'const { FormatRegistry, Kind, Type, TypeRegistry } = require(\'@sinclair/typebox\')'
  const directory = createService(t, { 'main.cjs': service(load) })
  t.same((await start(directory, 'main.cjs')).split('\n'), [...enforced, ...enforced])
})

t.test('the kinds and formats of a service with a copy of TypeBox of its own are enforced', async (t) => {
  const modules: Record<string, string> = {
    'main.mjs': service('import { FormatRegistry, Kind, Type, TypeRegistry } from \'@sinclair/typebox\''),
    'main.cjs': service('const { FormatRegistry, Kind, Type, TypeRegistry } = require(\'@sinclair/typebox\')')
  }
  const directory = createService(t, modules, ['@sinclair/typebox'])
  for (const file of Object.keys(modules)) t.same((await start(directory, file)).split('\n'), [...enforced, ...enforced], file)
})

t.test('a build of TypeBox that cannot be seen stops the boot, unless the option typebox gives it', async (t) => {
  const load =
    'import { FormatRegistry, Kind, Type, TypeRegistry } from \'./packages/a/node_modules/@sinclair/typebox/build/esm/index.mjs\''
  const directory = createService(
    t,
    { 'hidden.mjs': service(load), 'given.mjs': service(load, 'typebox: { FormatRegistry, TypeRegistry }') }
  )
  cpSync(join(project, 'node_modules/@sinclair/typebox'), join(directory, 'packages/a/node_modules/@sinclair/typebox'), { recursive: true })
  writeFileSync(join(directory, 'package.json'), '{}')
  t.match(
    await start(directory, 'hidden.mjs'),
    'FST_TYPED_WS_INVALID_SCHEMA Message x clientToServer.ask cannot be compiled: ' +
      'kind \'Even\' at /properties/n is registered in no build of TypeBox that can be seen'
  )
  t.same((await start(directory, 'given.mjs')).split('\n'), [...enforced, ...enforced])
})

t.test('the option typebox takes a namespace of either line, or several', async (t) => {
  const contract = defineContract({
    name: 'x',
    clientToServer: { ask: { request: Type.Object({ room: Type.String({ format: 'room' }) }), reply: Type.Null() } }
  })
  const legacy = createRequire(import.meta.url)('@sinclair/typebox') as typeof import('@sinclair/typebox')
  const { Format } = await import('typebox/format')
  for (const typebox of [legacy, [legacy], { Format }, [Format]]) {
    const { formats } = buildOf([typebox].flat()[0] as never)
    ;(formats as unknown as typeof Format).Set('room', (text) => text.startsWith('#'))
    const app = await createApp(t, { typebox })
    app.ws('/', { contract, on: { ask: () => null } })
    const client = await app.injectClient(contract, '/')
    t.equal(await client.call('ask', { room: '#a' }), null)
    await t.rejects(client.call('ask', { room: 'a' }), { code: 'FST_TYPED_WS_VALIDATION' })
    legacy.FormatRegistry.Delete('room')
    Format.Reset()
  }
  for (const typebox of [
    5,
    {},
    [null],
    { FormatRegistry: 5 }
  ]) {
    await t.rejects(
      createApp(t, { typebox } as never),
      { code: 'FST_TYPED_WS_INVALID_OPTION', message: 'Option \'typebox\': write require(\'@sinclair/typebox\')' }
    )
  }
  t.equal(buildOf({ TypeRegistry: legacy.TypeRegistry }).formats, undefined)
})

t.test('a published message means the same in every scope, or stops the boot', async (t) => {
  const contract = defineContract({ name: 'x', serverToClient: { said: Type.Object({ by: Type.Ref('User') }) } })
  const app = await createApp(t)
  const share = (properties: object, prefix: string): void => void app.register(async (scope) => {
    scope.addSchema({ $id: 'User', type: 'object', properties })
    scope.ws(prefix, { contract })
  })
  share({ name: { type: 'string' } }, '/one')
  share({ name: { type: 'string' } }, '/two')
  share({ name: { type: 'string' }, secret: { type: 'string' } }, '/three')
  await t.rejects(
    async () => { await app.ready() },
    {
      code: 'FST_TYPED_WS_INVALID_SCHEMA',
      message: 'Message x serverToClient cannot be compiled: it refers to \'User\', ' +
        'which is not the same schema in the scopes of two routes'
    }
  )

  const other = await createApp(t)
  for (const prefix of [
    '/one',
    '/two'
  ]) void other.register(async (scope) => { scope.addSchema({ $id: 'User', type: 'object' }); scope.ws(prefix, { contract }) })
  await other.ready()
})
