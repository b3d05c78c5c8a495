// The types of a contract, by both lines of TypeBox and by plain JSON Schema.
import { expectTypeOf } from 'expect-type'
import { Type } from '@sinclair/typebox'
import { Type as Type1 } from 'typebox'
import {
  defineContract, type Channel, type CloseCodeOf, type ConnectedMember, type ContractDefinition, type EventNames, type Infer, type Payload,
  type Socket, type TopicInfo
} from '../../lib/index.js'

const legacy = defineContract({
  name: 'legacy',
  clientToServer: {
    say: Type.Object({ text: Type.String(), tags: Type.Optional(Type.Array(Type.Union([Type.Literal('a'), Type.Literal('b')]))) }),
    ask: { request: Type.Object({ n: Type.Number() }), reply: Type.Array(Type.String()) },
    watch: { request: Type.Object({ every: Type.Number() }), stream: Type.Boolean() }
  },
  serverToClient: {
    said: Type.Object({ text: Type.String() }),
    confirm: { request: Type.Object({ question: Type.String() }), reply: Type.Boolean() }
  },
  binary: { clientToServer: true }
})

const current = defineContract({
  name: 'current',
  clientToServer: {
    say: Type1.Object({ text: Type1.String(), tags: Type1.Optional(Type1.Array(Type1.Union([Type1.Literal('a'), Type1.Literal('b')]))) }),
    ask: { request: Type1.Object({ n: Type1.Number() }), reply: Type1.Array(Type1.String()) }
  },
  serverToClient: { said: Type1.Object({ text: Type1.String() }) }
})

interface Say { text: string, tags?: Array<'a' | 'b'> }

expectTypeOf<Payload<typeof legacy['clientToServer']['say']>>().toEqualTypeOf<Say>()
expectTypeOf<Payload<typeof current['clientToServer']['say']>>().toEqualTypeOf<Say>()
expectTypeOf<Payload<typeof legacy['clientToServer']['ask']>>().toEqualTypeOf<{ n: number }>()
expectTypeOf<Payload<typeof current['clientToServer']['ask']>>().toEqualTypeOf<{ n: number }>()
expectTypeOf<Infer<typeof legacy['clientToServer']['ask']['reply']>>().toEqualTypeOf<string[]>()
expectTypeOf<Infer<typeof legacy['clientToServer']['watch']['stream']>>().toEqualTypeOf<boolean>()
expectTypeOf<EventNames<typeof legacy['serverToClient']>>().toEqualTypeOf<'said'>()
expectTypeOf<EventNames<typeof legacy['clientToServer']>>().toEqualTypeOf<'say'>()
expectTypeOf(legacy.name).toEqualTypeOf<'legacy'>()
expectTypeOf(legacy.binary).toEqualTypeOf<{ readonly clientToServer: true, readonly serverToClient: false }>()
expectTypeOf(current.binary.clientToServer).toEqualTypeOf<false>()

// Schemas that refer to themselves, and others with a life of their own.
export const Tree = Type.Recursive((This) => Type.Object({ children: Type.Array(This) }))
expectTypeOf<Infer<typeof Tree>['children'][number]['children'][number]>().toHaveProperty('children')
export const Tree1 = Type1.Cyclic({ Node: Type1.Object({ children: Type1.Array(Type1.Ref('Node')) }) }, 'Node')
expectTypeOf<Infer<typeof Tree1>['children'][number]['children'][number]>().toHaveProperty('children')
expectTypeOf(Type.Unsafe<'x'>({ type: 'string' })).toHaveProperty('static')
export const Unsafe = Type.Unsafe<'x'>({ type: 'string' })
expectTypeOf<Infer<typeof Unsafe>>().toEqualTypeOf<'x'>()
export const Unsafe1 = Type1.Unsafe<'x'>({ type: 'string' })
expectTypeOf<Infer<typeof Unsafe1>>().toEqualTypeOf<'x'>()
expectTypeOf<Infer<{ type: 'object' }>>().toEqualTypeOf<unknown>()

// A contract put together elsewhere keeps its types; a definition of unknown contents is a contract
// all the same.
const definition = { name: 'elsewhere', serverToClient: { said: Type.Object({ text: Type.String() }) } } as const
expectTypeOf(defineContract(definition).serverToClient.said).toEqualTypeOf(definition.serverToClient.said)
declare const anything: ContractDefinition
expectTypeOf(defineContract(anything).name).toEqualTypeOf<string>()

const rooms = defineContract({ name: 'rooms', topics: { room: { recover: true }, user: { recover: { maxMessages: 5 } } } })
expectTypeOf(rooms.topics.room.recover).toEqualTypeOf<true>()
expectTypeOf(legacy.topics).toEqualTypeOf<{}>()

// Members of topics.
export const present = defineContract({
  name: 'present',
  topics: {
    room: { presence: Type.Object({ name: Type.String() }) },
    both: { recover: true, presence: Type1.Object({ n: Type1.Number() }) },
    user: { recover: true }
  }
})
type Present = typeof present
expectTypeOf<TopicInfo<Present, 'room:1'>>().toEqualTypeOf<{ name: string }>()
expectTypeOf<TopicInfo<Present, 'room'>>().toEqualTypeOf<{ name: string }>()
expectTypeOf<TopicInfo<Present, `both:${number}`>>().toEqualTypeOf<{ n: number }>()
expectTypeOf<TopicInfo<Present, 'user:1'>>().toEqualTypeOf<never>()
expectTypeOf<TopicInfo<Present, 'roomy:1'>>().toEqualTypeOf<never>()
declare const member: Socket<Present>
declare const id: string
void member.subscribe('room:1', { info: { name: 'Ada' }, key: 'ada' })
void member.subscribe(`room:${id}`, { info: { name: 'Ada' } })
void member.subscribe('both', { recover: false, info: { n: 1 } })
void member.subscribe('user:1')
void member.subscribe('user:1', { recover: false })
void member.subscribe(id)
void member.subscribe(id, { info: { any: 1 } })
// @ts-expect-error -- the kind has presence: info is missing
void member.subscribe('room:1')
// @ts-expect-error -- and it is missing here
void member.subscribe(`room:${id}`, { key: 'ada' })
// @ts-expect-error -- its name is a text
void member.subscribe('room:1', { info: { name: 5 } })
// @ts-expect-error -- the kind has no presence
void member.subscribe('user:1', { info: { name: 'Ada' } })
declare const channel: Channel<Present>
void channel.members('room:1').then((members) => {
  expectTypeOf(members).toEqualTypeOf<Array<ConnectedMember<{ name: string }>>>()
})
void channel.members(id).then(([first]) => { expectTypeOf(first!.info).toEqualTypeOf<unknown>() })
// A helper for any contract.
declare function anywhere (socket: Socket): void
anywhere(member)
declare const untyped: Socket
void untyped.subscribe('room:1', { info: {}, key: 'ada' })
// @ts-expect-error -- presence is a schema
defineContract({ name: 'x', topics: { room: { presence: true } } })

const words = defineContract({
  name: 'words',
  title: 'Words',
  description: 'For people.',
  clientToServer: {
    ask: {
      summary: 'Asks.',
      description: 'For what was said.',
      deprecated: true,
      request: Type.Object({ n: Type.Number() }),
      reply: Type.String(),
      examples: [{ name: 'one', request: { n: 1 }, reply: 'a' }]
    },
    watch: { summary: 'Watches.', request: Type.Object({}), stream: Type.Boolean(), examples: [{ request: {}, stream: [true] }] }
  },
  closeCodes: { 4001: 'The room is full', 4510: 'Banned' }
})
expectTypeOf<Payload<typeof words['clientToServer']['ask']>>().toEqualTypeOf<{ n: number }>()
expectTypeOf<Infer<typeof words['clientToServer']['watch']['stream']>>().toEqualTypeOf<boolean>()
expectTypeOf(words.closeCodes[4510]).toEqualTypeOf<'Banned'>()
expectTypeOf<keyof typeof words['closeCodes']>().toEqualTypeOf<4001 | 4510>()
expectTypeOf<CloseCodeOf<typeof words>>().toEqualTypeOf<4001 | 4510 | (number & {})>()
expectTypeOf(legacy.closeCodes).toEqualTypeOf<{}>()
// @ts-expect-error -- a meaning is a text
defineContract({ name: 'x', closeCodes: { 4001: true } })
// @ts-expect-error -- a code is a number
defineContract({ name: 'x', closeCodes: { full: 'The room is full' } })
// @ts-expect-error -- examples are a list
defineContract({ name: 'x', clientToServer: { ask: { request: Type.Object({}), reply: Type.Null(), examples: {} } } })

// @ts-expect-error -- either it is recoverable, or recover is left out
defineContract({ name: 'x', topics: { room: { recover: false } } })
// @ts-expect-error -- a contract has a name
defineContract({ clientToServer: {} })
// @ts-expect-error -- a message is a schema
defineContract({ name: 'x', clientToServer: { say: 'text' } })
// @ts-expect-error -- a side either may or may not
defineContract({ name: 'x', binary: { clientToServer: 'yes' } })
// @ts-expect-error -- a contract is not changed
legacy.name = 'other'
