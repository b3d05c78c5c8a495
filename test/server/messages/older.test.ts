import { Type } from '@sinclair/typebox'
import t from 'tap'
import { defineContract, older, type OlderVersion } from '../../../lib/index.js'
import { createApp } from '../../support/helper.js'
import { v1, v2, version1 } from '../../support/versions.js'

// As from JavaScript.
const make = older as unknown as (newest: unknown, options: unknown) => OlderVersion<typeof v2>

const rest = { clientToServer: version1.clientToServer, serverToClient: version1.serverToClient }
const up = (): object => ({})
const loud1 = defineContract({ name: 'loud.v1', binary: { clientToServer: true } })
const loud2 = defineContract({ name: 'loud.v2' })
const epoch1 = defineContract({ name: 'disc.v1', discriminator: 'epoch' })
const count1 = defineContract({ name: 'disc.v1', discriminator: 'count' })
const kept2 = defineContract({ name: 'disc.v2', topics: { room: { recover: true } } })
const seen2 = defineContract({ name: 'disc.v2', topics: { room: { presence: Type.Object({}) } } })

const MISTAKES: ReadonlyArray<readonly [what: string, newest: unknown, options: unknown, message: RegExp]> = [
  ['no contract as the newest', {}, { contract: v1 }, /write older\(newest, \{ contract: old/],
  ['no options', v2, undefined, /write older\(newest, \{ contract: old/],
  ['no old contract', v2, { contract: {} }, /write older\(newest, \{ contract: old/],
  ['one name for both', v2, { contract: { ...v1, name: 'chat.v2' } }, /'chat\.v2': it has the name of the newest contract/],
  ['an unknown part', v2, { contract: v1, ...rest, up }, /no part 'up': write contract, clientToServer, serverToClient/],
  ['a side that is no object', v2, { contract: v1, ...rest, serverToClient: 5 }, /serverToClient is an object of translations/],
  ['an unknown message', v2, { contract: v1, clientToServer: { none: { up } } }, /clientToServer\.none: 'chat\.v1' has no such message/],
  ['a newest name where the old one is meant', v2, { contract: v1, serverToClient: { left: { as: 'exited' } } }, /'chat\.v2' has no such/],
  ['a translation that is a function', v2, { contract: v1, clientToServer: { say: up } }, /clientToServer\.say: write \{ up, down \}/],
  ['an up that is no function', v2, { contract: v1, clientToServer: { say: { up: 5 } } }, /clientToServer\.say: write \{ up, down \}/],
  ['a name that is no text', v2, { contract: v1, clientToServer: { say: { as: 5 } } }, /clientToServer\.say: write \{ up, down \}/],
  ['an unknown word', v2, { contract: v1, clientToServer: { say: { upp: up } } }, /clientToServer\.say: write \{ up, down \}/],
  ['a drop that is not true', v2, { contract: v1, clientToServer: { say: { drop: false } } }, /clientToServer\.say: write \{ up, down \}/],
  ['a drop with a translation', v2, { contract: v1, clientToServer: { say: { drop: true, up } } }, /clientToServer\.say: write \{ up/],
  ['a message that is gone', v2, { contract: v1 }, /clientToServer\.say: 'chat\.v2' has no message 'say': write \{ as: 'name', up \} or/],
  ['a name that is gone', v2, { contract: v1, ...rest, clientToServer: { ...rest.clientToServer, poke: { as: 'gone' } } },
    /clientToServer\.poke: 'chat\.v2' has no message 'gone'/],
  ['another kind', v2, { contract: v1, ...rest, clientToServer: { ...rest.clientToServer, poke: { as: 'ask' } } },
    /clientToServer\.poke: 'chat\.v2' has 'ask' as another kind/],
  ['a server message by an unknown name', v2, { contract: v1, ...rest, serverToClient: { typing: { as: 'none' } } },
    /serverToClient\.typing: 'chat\.v1' has no message 'none'/],
  ['a server message of another kind', v2, { contract: v1, ...rest, serverToClient: { typing: { as: 'image' } } },
    /serverToClient\.typing: 'chat\.v1' has 'image' as another kind/],
  ['a translation of a message that is not sent', v2, { contract: v1, ...rest, serverToClient: { typing: { down: up } } },
    /serverToClient\.typing: 'chat\.v1' has no such event, and it is not sent/],
  ['an answer to an event of the client', v2, { contract: v1, ...rest, clientToServer: { ...rest.clientToServer, same: { down: up } } },
    /clientToServer\.same: an event has no answer/],
  ['an answer to an event of the server', v2, { contract: v1, ...rest, serverToClient: { message: { up } } },
    /serverToClient\.message: an event has no answer/],
  ['a discriminator that the messages about recoverable topics have', kept2, { contract: epoch1 },
    /'disc\.v1': its discriminator 'epoch' is a property of the messages about topics, which the newest contract has/],
  ['a discriminator that the messages about members have', seen2, { contract: count1 }, /'disc\.v1': its discriminator 'count' is a/],
  ['binary frames that nobody takes', loud2, { contract: loud1 }, /'loud\.v1': its clients may send binary frames/]
]

for (const [what, newest, options, message] of MISTAKES) {
  t.test(`a version with a mistake is refused: ${what}`, async (t) => {
    t.throws(() => make(newest, options), { code: 'FST_TYPED_WS_INVALID_VERSION', message })
  })
}

const on = { message () {}, same () {}, image () {}, ask: () => ({ answer: 1 }), async * count () {} }
const other = defineContract({ name: 'other.v2' })
const copy = make(v2, { contract: defineContract({ ...v1, name: 'chat.v1' }), ...rest })

const ROUTES: ReadonlyArray<readonly [what: string, options: object, message: RegExp]> = [
  ['no list', { versions: version1 }, /versions is a list: write versions: \[older\(newest, \{ contract: old \}\)\]/],
  ['a contract in the list', { versions: [v1] }, /versions is a list/],
  ['a version of another contract', { versions: [older(other, { contract: defineContract({ name: 'other.v1' }) })] },
    /'other\.v1': it was made for the contract 'other\.v2', not for that of the route, 'chat\.v2'/],
  ['two versions of one name', { versions: [version1, copy] }, /'chat\.v1': two versions of one route have this name/],
  ['an unknown defaultVersion', { versions: [version1], defaultVersion: 'chat.v3' },
    /'chat\.v2': defaultVersion is the name of a version of the route: write 'chat\.v2' or 'chat\.v1' instead of "chat\.v3"/],
  ['a defaultVersion without versions', { defaultVersion: 5 }, /defaultVersion is the name of .*: write 'chat\.v2' instead of 5/]
]

for (const [what, options, message] of ROUTES) {
  t.test(`a route with a mistake in its versions fails at boot: ${what}`, async (t) => {
    const app = await createApp(t)
    t.throws(() => app.ws('/', { contract: v2, on, ...options }), { code: 'FST_TYPED_WS_INVALID_VERSION', message })
  })
}

t.test('a route may name its only version as the default', async (t) => {
  const app = await createApp(t)
  app.ws('/', { contract: v2, on, versions: [], defaultVersion: 'chat.v2' })
  await app.ready()
  t.same(app.channel(v2).stats.versions, { 'chat.v2': 0 })
})

t.test('a message with the name of a property that every object has is translated by its own', async (t) => {
  const old = defineContract({ name: 'p.v1', clientToServer: { toString: Type.Object({}) } })
  const newest = defineContract({ name: 'p.v2', clientToServer: { toString: Type.Object({}) } })
  t.same(make(newest, { contract: old }).clientToServer, {})
})
