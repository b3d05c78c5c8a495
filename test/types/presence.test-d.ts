// The members of topics in the client, typed by the kinds of topics in its contract.
import { expectTypeOf } from 'expect-type'
import { Type } from '@sinclair/typebox'
import { Type as Type1 } from 'typebox'
import type { FastifyInstance } from 'fastify'
import { binaryEvents } from '../../lib/client/binary.js'
import { createClient } from '../../lib/client/index.js'
import { presence, type MembersChange, type PresenceClient, type TopicMembers } from '../../lib/client/presence.js'
import { recovery } from '../../lib/client/recovery.js'
import { defineContract } from '../../lib/index.js'
import type { AnyContract } from '../../types/contract.js'

declare const app: FastifyInstance
declare const id: string

const rooms = defineContract({
  name: 'rooms.v1',
  serverToClient: { said: Type.Object({ text: Type.String() }), picture: { payload: Type.Object({}), binary: true } },
  topics: {
    room: { presence: Type.Object({ name: Type.String() }) },
    both: { recover: true, presence: Type1.Object({ n: Type1.Number() }) },
    user: { recover: true }
  }
})
type Rooms = typeof rooms

const client = createClient<Rooms>('/rooms', { protocol: 'rooms.v1', presence: presence() })
expectTypeOf(client).toEqualTypeOf<PresenceClient<Rooms>>()
const room = client.members('room:42')
expectTypeOf(room).toEqualTypeOf<TopicMembers<{ name: string }>>()
expectTypeOf(room.list()).toEqualTypeOf<ReadonlyArray<{ readonly key: string, readonly info: { name: string } }>>()
expectTypeOf(room.count()).toEqualTypeOf<number>()
expectTypeOf(room.isCurrent()).toEqualTypeOf<boolean>()
const off = room.onChange((change) => expectTypeOf(change).toEqualTypeOf<MembersChange<{ name: string }>>())
expectTypeOf(off).toEqualTypeOf<() => void>()
client.members('room').onChange(({ left: [first] }) => expectTypeOf(first!.info.name).toEqualTypeOf<string>())
expectTypeOf(client.members(`room:${id}`)).toEqualTypeOf<TopicMembers<{ name: string }>>()
expectTypeOf(client.members(`both:${id}`)).toEqualTypeOf<TopicMembers<{ n: number }>>()
client.on('said', ({ text }) => text)

// @ts-expect-error -- the kind has no presence
client.members('user:1')
// @ts-expect-error -- no kind of the contract
client.members('roomy:1')
// @ts-expect-error -- of no known kind
client.members(id)
// @ts-expect-error -- the members show a name
expectTypeOf(room.list()[0]!.info.n).toBeNumber()
// @ts-expect-error -- the list is the client's
room.list().push({ key: '', info: { name: '' } })
// @ts-expect-error -- no other news
room.onChange(({ came }) => came)
// @ts-expect-error -- without the option presence there are no members
createClient<Rooms>('/rooms', { protocol: 'rooms.v1', recover: recovery() }).members('room:1')
// @ts-expect-error -- not the function that makes it
createClient<Rooms>('/rooms', { protocol: 'rooms.v1', presence })

// @ts-expect-error -- made for the option recover
createClient<Rooms>('/rooms', { protocol: 'rooms.v1', presence: recovery() })
// @ts-expect-error -- made for the option presence
createClient<Rooms>('/rooms', { protocol: 'rooms.v1', recover: presence() })
// @ts-expect-error -- made for the option presence
createClient<Rooms>('/rooms', { protocol: 'rooms.v1', binary: presence() })
// @ts-expect-error -- made for the option recover
void app.injectClient(rooms, '/rooms', { presence: recovery() })

export const plain = defineContract({ name: 'plain', serverToClient: { said: Type.Object({}) } })
// @ts-expect-error -- the contract has no topics with presence
createClient<typeof plain>('/plain', { protocol: 'plain', presence: presence() }).members('room:1')

// Each with each.
const settings = { protocol: 'rooms.v1', presence: presence() } as const
const recovering = createClient<Rooms>('/rooms', { ...settings, recover: recovery() })
recovering.onRecovered(() => {})
expectTypeOf(recovering.members('room:1')).toEqualTypeOf(room)
const pairing = createClient<Rooms>('/rooms', { ...settings, binary: binaryEvents() })
pairing.on('picture', (_payload, data) => data.byteLength)
expectTypeOf(pairing.members('room:1')).toEqualTypeOf(room)
const all = createClient<Rooms>('/rooms', { ...settings, binary: binaryEvents(), recover: recovery() })
all.onRecovered(() => {})
all.on('picture', (_payload, data) => data.byteLength)
expectTypeOf(all.members('room:1')).toEqualTypeOf(room)

const injected = await app.injectClient(rooms, '/rooms', { presence: presence() })
expectTypeOf(injected.members('room:1')).toEqualTypeOf(room)
expectTypeOf(injected.headers).toExtend<object>()
const injectedToo = await app.injectClient(rooms, '/rooms', { presence: presence(), recover: recovery() })
injectedToo.onRecovered(() => {})
expectTypeOf(injectedToo.members('both')).toEqualTypeOf<TopicMembers<{ n: number }>>()
// @ts-expect-error -- without the option presence there are no members
await app.injectClient(rooms, '/rooms').then((client) => client.members('room:1'))

// A helper for any contract.
declare const untyped: PresenceClient<AnyContract>
expectTypeOf(untyped.members(id)).toEqualTypeOf<TopicMembers>()
