// One schema, one meaning: it is the same alone, where TypeBox checks it, as beside a foreign part,
// where Ajv does.
import t from 'tap'
import fc from 'fast-check'
import { FormatRegistry, Kind, Type as Legacy, TypeRegistry, type TSchema } from '@sinclair/typebox'
import { Type as Current } from 'typebox'
import { Format } from 'typebox/format'
import type { CompileOptions } from '../../../lib/server/compile/contract.js'
import { builders, compile, decoderOf, eventOf, lines, plain, refusalOf, replyOf, type Builder } from '../../support/lines.js'

const sharedSchemas = { User: { $id: 'User', type: 'object', properties: { name: { type: 'string' } } } }
const foreign: ReadonlyArray<[what: string, part: (T: Builder) => Record<string, TSchema>]> = [
  ['alone', () => ({})],
  ['beside a plain schema', (T) => ({ k: T.Optional(T.Unsafe<unknown>({ type: 'string', enum: ['a', 'b'] })) })],
  ['beside a shared schema', (T) => ({ user: T.Optional(T.Ref('User')) })],
  ['beside a keyword of Ajv\'s', (T) => ({ date: T.Optional(T.String({ format: 'date', formatMinimum: '2020-01-01' })) })]
]

/** The verdicts on a value, alone and beside each foreign part. */
function verdictsOn (schema: (T: Builder) => TSchema, Type: Builder, value: unknown, options: Partial<CompileOptions> = {}): string[] {
  return [
    ...new Set(
      foreign.map(([, part]) => {
        return refusalOf(Type.Object({ x: schema(Type), ...part(Type) }), { x: value }, { sharedSchemas, ...options }) ?? 'taken'
      })
    )
  ]
}

function bootErrors (schema: (T: Builder) => TSchema, Type: Builder, options: Partial<CompileOptions> = {}): string[] {
  return foreign.map(([what, part]) => {
    try {
      decoderOf(Type.Object({ x: schema(Type), ...part(Type) }), { sharedSchemas, ...options })
      return `${what}: boots`
    } catch (error) {
      return `${(error as { code: string }).code} ${(error as Error).message}`
    }
  })
}

t.test('a kind of the app\'s own is enforced, whatever stands beside it', async (t) => {
  TypeRegistry.Set('Even', (_, n) => typeof n === 'number' && n % 2 === 0)
  t.teardown(() => TypeRegistry.Delete('Even'))
  for (const { name, Type } of builders) {
    const even = (): TSchema => Legacy.Unsafe<number>({ [Kind]: 'Even' })
    t.same(verdictsOn(even, Type, 2), ['taken'], name)
    for (const value of [3, 'evil']) t.same(verdictsOn(even, Type, value), ['message/x must be Even'], `${name}: ${value}`)
    t.same(verdictsOn((T) => T.Array(T.Union([even(), T.Null()])), Type, [2, null]), ['taken'], name)
    t.same(verdictsOn((T) => T.Array(T.Union([even(), T.Null()])), Type, [2, 3]), ['message/x/1 must match a schema in anyOf'], name)
  }
  t.throws(
    () => eventOf(
      Legacy.Object({ n: Legacy.Unsafe<number>({ [Kind]: 'Even' }), user: Legacy.Optional(Legacy.Ref('User')) }),
      { sharedSchemas }
    )(
      { n: 3 }
    ),
    { code: 'FST_TYPED_WS_OUTGOING_INVALID' }
  )
})

t.test('a kind called Unsafe may be registered too', async (t) => {
  TypeRegistry.Set('Unsafe', (_, value) => value === 'safe')
  t.teardown(() => TypeRegistry.Delete('Unsafe'))
  const schema = Legacy.Object({ x: Legacy.Unsafe<string>({ type: 'number' }) })
  t.equal(refusalOf(schema, { x: 'safe' }), undefined)
  t.equal(refusalOf(schema, { x: 5 }), 'message/x must be Unsafe')
})

t.test('a kind that is not registered stops the boot, whatever stands beside it', async (t) => {
  for (const { name, Type } of builders) {
    for (const error of bootErrors(() => Legacy.Unsafe<number>({ [Kind]: 'Evne' }), Type)) {
      t.match(
        error,
        'FST_TYPED_WS_INVALID_SCHEMA Message test clientToServer.m cannot be compiled: ' +
          'kind \'Evne\' at /properties/x is registered in no build of TypeBox that can be seen: ' +
          'call TypeRegistry.Set(\'Evne\', …)',
        name
      )
    }
  }
  const deferred = Current.Object({ x: Current.Partial(Current.Ref('Lost')) })
  t.throws(() => decoderOf(deferred), {
    code: 'FST_TYPED_WS_INVALID_SCHEMA',
    message: 'type \'deferred\' at /properties/x cannot travel as JSON'
  })
  t.throws(() => decoderOf(Legacy.Object({ x: Legacy.Partial(Legacy.Ref('Lost')) })), {
    code: 'FST_TYPED_WS_INVALID_SCHEMA',
    message: 'kind \'Computed\' at /properties/x'
  })
})

t.test('a refinement is enforced, whatever stands beside it, and asked only of values of its type', async (t) => {
  const asked: unknown[] = []
  const short = (): TSchema => {
    return Current.Refine(
      Current.Object({ list: Current.Array(Current.Number()) }),
      ({ list }) => { asked.push(list); return list.length < 2 },
      () => 'must be short'
    ) as never
  }
  const current = builders[1]!.Type
  t.same(verdictsOn(short, current, { list: [1] }), ['taken'])
  t.same(verdictsOn(short, current, { list: [1, 2] }), ['message/x must be short'])
  asked.length = 0
  t.same(verdictsOn(short, current, { list: 'text' }), ['message/x/list must be array'])
  t.same(asked, [])
  t.same(
    verdictsOn(
      () => Current.Unsafe<number>({ type: 'number', '~guard': { check: (value: number) => value > 5, errors: () => [] } }) as never,
      current,
      5
    ),
    ['message/x is invalid']
  )
})

t.test('a refinement is enforced by the names its parts had before TypeBox 1.1.31, and explained by a text as by a function', async (t) => {
  const isEven = (value: number): boolean => value % 2 === 0
  const current = builders[1]!.Type
  for (const parts of [{ refine: isEven, message: 'must be even' }, { check: isEven, error: 'must be even' }]) {
    const even = (): TSchema => Current.Unsafe<number>({ type: 'number', '~refine': [parts] }) as never
    t.same(verdictsOn(even, current, 2), ['taken'])
    t.same(verdictsOn(even, current, 3), ['message/x must be even'])
  }
})

t.test('a check that is asynchronous, whose promise would let everything through, stops the boot', async (t) => {
  const isNever = async (): Promise<boolean> => false
  TypeRegistry.Set('Later', isNever as never)
  FormatRegistry.Set('later', isNever as never)
  t.teardown(() => {
    TypeRegistry.Delete('Later')
    FormatRegistry.Delete('later')
  })
  const later = 'is asynchronous, and a message is checked at once: make it a function that returns true or false'
  const rows: ReadonlyArray<[schema: TSchema, what: string]> = [
    [Legacy.Unsafe<string>({ [Kind]: 'Later' }), 'the check of kind \'Later\' at /properties/x'],
    [Legacy.String({ format: 'later' }), 'format \'later\''],
    [Current.Refine(Current.String(), isNever as never) as never, 'the refinement at /properties/x'],
    [Current.Unsafe<string>({ '~refine': [{ refine: isNever, message: '' }] }) as never, 'the refinement at /properties/x'],
    [Current.Unsafe<string>({ '~guard': { check: isNever, errors: () => [] } }) as never, 'the guard at /properties/x']
  ]
  for (const { name, Type } of builders) {
    for (const [schema, what] of rows) {
      for (const error of bootErrors(() => schema, Type)) t.match(error, `clientToServer.m cannot be compiled: ${what} ${later}`, name)
    }
  }
  const keywords = [{ keyword: 'later', validate: isNever }]
  t.throws(
    () => decoderOf(Legacy.Object({}), { ajv: { customOptions: { keywords } } }),
    { code: 'FST_TYPED_WS_INVALID_OPTION', message: `Option 'ajv': keyword 'later' ${later}` }
  )
  decoderOf(Legacy.Object({}), { ajv: { customOptions: { keywords: [{ ...keywords[0], async: true }] } } })
  t.match(
    bootErrors((T) => T.String({ later: true }), Legacy, { ajv: { customOptions: { keywords: [{ ...keywords[0], async: true }] } } }),
    Array.from(foreign, () => /async keyword in sync schema/)
  )
})

t.test('a format of the app\'s own is enforced, whatever stands beside it and whichever line it was registered in', async (t) => {
  const isRoom = (text: string): boolean => text.startsWith('#')
  const isOurs = (text: string): boolean => /^[a-z]+@ours\.example$/.test(text)
  for (const [registered, registry, remove] of [
    ['0.34', FormatRegistry, (name: string) => FormatRegistry.Delete(name)],
    ['1.x', Format, () => Format.Reset()]
  ] as const) {
    registry.Set('room', isRoom)
    registry.Set('email', isOurs)
    for (const { name, Type } of builders) {
      t.same(verdictsOn((T) => T.String({ format: 'room' }), Type, '#a'), ['taken'], `${registered}, ${name}`)
      t.same(verdictsOn((T) => T.String({ format: 'room' }), Type, 'a'), ['message/x must match format "room"'], `${registered}, ${name}`)
      t.same(verdictsOn((T) => T.String({ format: 'email' }), Type, 'a@ours.example'), ['taken'], `${registered}, ${name}`)
      t.same(
        verdictsOn((T) => T.String({ format: 'email' }), Type, 'a@other.example'),
        ['message/x must match format "email"'],
        `${registered}, ${name}`
      )
    }
    remove('room')
    remove('email')
  }
})

t.test('a format is the same in all lines unless the app registers its own', async (t) => {
  const texts: Readonly<Record<string, readonly string[]>> = {
    email: [
      'a@b',
      '"a b"@c.de',
      'a@b.de'
    ],
    hostname: [
      'a_b',
      'a.b',
      ''
    ],
    uri: [
      'a:b',
      '/a',
      'http://ä.de'
    ],
    time: ['12:00:00', '12:00:00Z'],
    'date-time': ['2026-01-01T00:00:00', '2026-01-01 00:00:00Z'],
    iri: ['http://ä.de', 'a']
  }
  for (const [format, values] of Object.entries(texts)) {
    for (const value of values) {
      const verdicts = builders.map(({ Type }) => [...verdictsOn((T) => T.String({ format }), Type, value)])
      t.equal(new Set(verdicts.flat()).size, 1, `${format}: ${value}`)
    }
  }
})

t.test('a format that two lines of TypeBox check differently stops the boot', async (t) => {
  const schema = Legacy.Object({ x: Legacy.String({ format: 'room' }) })
  FormatRegistry.Set('room', () => true)
  Format.Set('room', () => false)
  t.teardown(() => { FormatRegistry.Delete('room'); Format.Reset() })
  t.throws(() => decoderOf(schema), {
    code: 'FST_TYPED_WS_INVALID_SCHEMA',
    message: 'format \'room\' is registered differently in two builds of TypeBox'
  })
  Format.Reset()
  const { room } = { room: FormatRegistry.Get('room')! }
  t.throws(() => decoderOf(schema, { ajv: { customOptions: { formats: { room: /^#/ } } } }), {
    code: 'FST_TYPED_WS_INVALID_SCHEMA',
    message: 'format \'room\' is registered with TypeBox and given by the option ajv: keep one of them'
  })
  for (const given of [room, { validate: room }]) {
    t.equal(refusalOf(schema, { x: 'y' }, { ajv: { customOptions: { formats: { room: given } } } }), undefined)
  }
  FormatRegistry.Delete('room')
  t.throws(
    () => decoderOf(schema, { ajv: { customOptions: { formats: { room: { async: true, validate: async () => true } } } } }),
    { code: 'FST_TYPED_WS_INVALID_SCHEMA', message: 'format \'room\' is asynchronous' }
  )
})

t.test('the option ajv applies to every schema', async (t) => {
  const isEven = (ajv: { addKeyword: (definition: object) => void }): void => {
    ajv.addKeyword({ keyword: 'isEven', type: 'number', validate: (_: unknown, value: number) => value % 2 === 0 })
  }
  const ajv = { customOptions: { formats: { room: /^#/, code: '^[0-9]+$' }, keywords: ['hint'] }, plugins: [isEven] }
  for (const { name, Type } of builders) {
    t.same(verdictsOn((T) => T.Number({ isEven: true }), Type, 3, { ajv }), ['message/x must pass "isEven" keyword validation'], name)
    t.same(
      verdictsOn((T) => T.String({ format: 'room', hint: 'a room' }), Type, 'x', { ajv }),
      ['message/x must match format "room"'],
      name
    )
    t.same(verdictsOn((T) => T.String({ format: 'code' }), Type, 'x', { ajv }), ['message/x must match format "code"'], name)
    t.same(verdictsOn((T) => T.String({ nullable: true }), Type, null), ['taken'], name)
    t.same(
      verdictsOn((T) => T.String(), Type, 5, { ajv: { customOptions: { coerceTypes: true } } }),
      ['taken'],
      `${name}: a coercion that was asked for`
    )
    t.same(
      verdictsOn((T) => T.String({ maxLength: 2 }), Type, '😀', { ajv: { customOptions: { unicode: false, coerceTypes: false } } }),
      ['taken'],
      name
    )
  }
  TypeRegistry.Set('Even', (_, value) => Number(value) % 2 === 0)
  t.teardown(() => TypeRegistry.Delete('Even'))
  const isBig = { keyword: 'isBig', validate: (_: unknown, value: number) => value > 100, errors: false }
  const big = { customOptions: { keywords: [isBig] } }
  for (const { name, Type } of builders) {
    const even = (): TSchema => Legacy.Unsafe<number>({ [Kind]: 'Even', isBig: true, maximum: 'a parameter of the kind' })
    t.same(verdictsOn(even, Type, 200, { ajv: big }), ['taken'], `${name}: beside a kind`)
    t.same(verdictsOn(even, Type, 2, { ajv: big }), ['message/x must pass "isBig" keyword validation'], `${name}: beside a kind`)
    t.same(verdictsOn(even, Type, 201, { ajv: big }), ['message/x must be Even'], `${name}: beside a kind`)
  }
  t.throws(
    () => decoderOf(Legacy.Object({}), { ajv: { plugins: [() => { throw new Error('no plugin') }] } }),
    { code: 'FST_TYPED_WS_INVALID_OPTION', message: 'Option \'ajv\': no plugin' }
  )
  const redefine = (ajv: { removeKeyword: (name: string) => void, addKeyword: (definition: object) => void }): void => {
    ajv.removeKeyword('pattern')
    ajv.addKeyword({ keyword: 'pattern', type: 'string', validate: () => false, errors: false })
  }
  for (const { Type } of builders) {
    t.same(verdictsOn((T) => T.String({ pattern: 'a' }), Type, 'a', { ajv: { plugins: [redefine] } }), [
      'message/x must pass "pattern" keyword validation'
    ])
  }
  const formats = function formatsPlugin () {}
  t.equal(
    refusalOf(Legacy.Object({ x: Legacy.String({ format: 'email' }) }), { x: 'y' }, { ajv: { plugins: [[formats, {}]] } }),
    'message/x must match format "email"'
  )
})

t.test('a default is not filled in, in any line, unless the option ajv asks for it', async (t) => {
  for (const { name, Type, of } of lines) {
    for (const [, part] of foreign) {
      const optional = of(Type.Object({ x: Type.Optional(Type.Number({ default: 5 })), ...part(Type) }))
      const required = of(Type.Object({ x: Type.Number({ default: 5 }), ...part(Type) }))
      t.strictSame((decoderOf(optional, { sharedSchemas })('{"type":"m"}') as { payload?: unknown }).payload, {}, name)
      t.equal(refusalOf(required, {}, { sharedSchemas }), 'message must have required property \'x\'', name)
      const ajv = { customOptions: { useDefaults: true } }
      t.strictSame((decoderOf(required, { sharedSchemas, ajv })('{"type":"m"}') as { payload?: unknown }).payload, { x: 5 }, name)
      t.throws(
        () => eventOf(required, { sharedSchemas, ajv })({}),
        { code: 'FST_TYPED_WS_OUTGOING_INVALID' },
        'the app\'s own object is not touched'
      )
    }
  }
  const lost = { type: 'object', anyOf: [{ type: 'object', properties: { x: { type: 'number', default: 5 } } }] }
  t.throws(() => decoderOf(lost, { ajv: { customOptions: { useDefaults: true } } }), {
    code: 'FST_TYPED_WS_INVALID_SCHEMA',
    message: 'default is ignored'
  })
})

t.test('an annotation is free, and a likely typing error stops the boot, whatever stands beside it', async (t) => {
  for (const { name, Type } of builders) {
    t.same(
      verdictsOn(
        (T) => T.String({
          'x-widget': 'textarea',
          title: 'a',
          description: 'b',
          examples: ['c'],
          example: 'd',
          deprecated: true,
          $comment: 'e',
          contentMediaType: 'f'
        }),
        Type,
        'text'
      ),
      ['taken'],
      name
    )
    for (const error of bootErrors((T) => T.String({ minLenght: 5 }), Type)) {
      t.match(error, 'unknown keyword "minLenght" at /properties/x: correct it, or write \'x-minLenght\' for an annotation', name)
    }
    t.same(verdictsOn((T) => T.String({ minLenght: 5 }), Type, 'a', { ajv: { customOptions: { strict: false } } }), ['taken'], name)
    for (const error of bootErrors((T) => T.String({ $async: true }), Type)) t.match(error, 'unknown keyword "$async"')
  }
})

t.test('the length of a text is its number of Unicode code points, whatever stands beside it', async (t) => {
  for (const { name, Type } of builders) {
    for (const [value, length] of [['abc', 3], ['😀😀😀', 3], ['a\u0301b\u0301', 4], ['👨‍👩‍👧', 5], ['\ud800x', 2], ['', 0]] as const) {
      t.same(verdictsOn((T) => T.String({ minLength: length, maxLength: length }), Type, value), ['taken'], `${name}: ${value}`)
      if (length > 0) {
        t.same(
          verdictsOn((T) => T.String({ maxLength: length - 1 }), Type, value),
          [`message/x must NOT have more than ${length - 1} characters`],
          `${name}: ${value}`
        )
      }
      t.same(
        verdictsOn((T) => T.String({ minLength: length + 1 }), Type, value),
        [`message/x must NOT have fewer than ${length + 1} characters`],
        `${name}: ${value}`
      )
    }
    t.same(verdictsOn((T) => T.String({ pattern: '^.$', maxLength: 9 }), Type, '😀'), ['taken'], `${name}: a pattern sees characters too`)
    t.same(
      verdictsOn(
        (T) => T.Record(T.String({ pattern: '^.$', maxLength: 9 }), T.Number(), { propertyNames: { maxLength: 3 } }),
        Type,
        { '😀': '1' }
      ),
      ['message/x/😀 must be number'],
      `${name}: a name is a text`
    )
    t.same(
      verdictsOn((T) => T.String({ pattern: '^\\-$', maxLength: 9 }), Type, '-'),
      ['taken'],
      `${name}: a pattern that does not bear the flag u`
    )
    t.same(
      verdictsOn(
        (T) => T.Unsafe<unknown>({
          type: 'object',
          patternProperties: { '^\\-$': { type: 'number' } },
          propertyNames: { type: 'string', maxLength: 5 }
        }),
        Type,
        { '-': '1' }
      ),
      ['message/x/- must be number'],
      name
    )
  }
  t.same(
    verdictsOn(() => Current.String({ pattern: /^a$/gi, maxLength: 2 }) as never, builders[1]!.Type, 'A'),
    ['taken'],
    'a RegExp keeps its flags'
  )
  t.same(
    verdictsOn(() => Current.String({ pattern: /^a$/gi, maxLength: 2 }) as never, builders[1]!.Type, 'b'),
    ['message/x must match pattern "^a$"']
  )
})

t.test('a property name that looks like code is only a name', async (t) => {
  const names = ['format(\'0\', ', 'a\' + format(\'0\', x) + \'', '\\\'format(\'0\', ', 'text0(']
  for (const { name, Type } of builders) {
    for (const key of names) {
      t.same(
        verdictsOn(
          (T) => T.Object({ [key]: T.String({ maxLength: 1 }), kind: T.Optional(T.Literal(key)) }),
          Type,
          { [key]: 'a', kind: key }
        ),
        ['taken'],
        `${name}: ${key}`
      )
      t.same(
        verdictsOn((T) => T.Object({ [key]: T.String({ maxLength: 1 }) }), Type, { [key]: 'ab' }),
        [`message/x/${key.replaceAll('/', '~1')} must NOT have more than 1 characters`],
        `${name}: ${key}`
      )
    }
  }
})

t.test('a fraction is a multiple by its decimal value, not by floating point, whatever stands beside it', async (t) => {
  for (const { name, Type } of builders) {
    for (const [value, divisor] of [[0.3, 0.1], [0.9, 0.3], [19.99, 0.01], [4.35, 0.01], [1e21, 0.1], [6, 3], [0, 0.1]] as const) {
      t.same(verdictsOn((T) => T.Number({ multipleOf: divisor }), Type, value), ['taken'], `${name}: ${value}`)
    }
    for (const [value, divisor] of [[0.35, 0.1], [1e-11, 1], [7, 3], [0.015, 0.01]] as const) {
      t.same(
        verdictsOn((T) => T.Number({ multipleOf: divisor }), Type, value),
        [`message/x must be multiple of ${divisor}`],
        `${name}: ${value}`
      )
    }
  }
})

t.test('equal schemas may share an $id', async (t) => {
  for (const { name, Type, of } of lines) {
    const User = Type.Object({ name: Type.String(), tag: Type.Optional(Type.String({ maxLength: 3 })) }, { $id: 'Person' })
    for (const [what, part] of foreign) {
      const schema = of(Type.Object({ from: User, to: Type.Optional(User), more: Type.Optional(Type.Array(User)), ...part(Type) }))
      t.equal(refusalOf(schema, { from: { name: 'a' }, to: { name: 'b' } }, { sharedSchemas }), undefined, `${name}, ${what}`)
      t.equal(
        refusalOf(schema, { from: { name: 'a' }, to: { name: 5 } }, { sharedSchemas }),
        'message/to/name must be string',
        `${name}, ${what}`
      )
      t.equal(
        refusalOf(schema, { from: { name: 'a' }, more: [{ name: 'a', tag: 'long' }] }, { sharedSchemas }),
        'message/more/0/tag must NOT have more than 3 characters',
        `${name}, ${what}`
      )
      t.equal(
        eventOf(schema, { sharedSchemas })({ from: { name: 'a', x: 1 }, to: { name: 'b', x: 1 } }),
        '{"type":"m","from":{"name":"a"},"to":{"name":"b"}}',
        `${name}, ${what}`
      )
    }
  }
  const legacy = Legacy.Module({
    Node: Legacy.Object({ v: Legacy.Number(), next: Legacy.Optional(Legacy.Ref('Node')) }),
    Other: Legacy.Object({ w: Legacy.Ref('Node') })
  })
  const current = Current.Module({ Node: Current.Object({ v: Current.Number(), next: Current.Optional(Current.Ref('Node')) }) })
  const Tree = Legacy.Recursive((This) => Legacy.Object({ v: Legacy.Number(), next: Legacy.Optional(This) }))
  const schemas: Readonly<Record<string, (more: object) => object>> = {
    'two imports of a module': (more) => Legacy.Object({ x: Legacy.Union([legacy.Import('Node'), legacy.Import('Other')]), ...more }),
    'one import twice': (more) => Legacy.Object({ x: legacy.Import('Node'), y: Legacy.Optional(legacy.Import('Node')), ...more }),
    'a module of 1.x twice': (more) => Current.Object({
      x: current.Node,
      y: Current.Optional(current.Node),
      ...'k' in more ? { k: Current.Optional(Current.Unsafe({ type: 'string', format: 'date', formatMinimum: '2020-01-01' })) } : {}
    }),
    'Type.Recursive in two branches': (more) => Legacy.Object({
      x: Legacy.Union([Tree, Legacy.Array(Tree)]),
      y: Legacy.Optional(Tree),
      ...more
    })
  }
  for (const [what, schema] of Object.entries(schemas)) {
    for (const more of [{}, { k: Legacy.Optional(Legacy.Unsafe({ type: 'string', enum: ['a'] })) }]) {
      t.equal(refusalOf(schema(more), { x: { v: 1, next: { v: 2 } } }), undefined, what)
      t.match(refusalOf(schema(more), { x: { v: 1, next: { v: '2' } } }), /^message\/x/, what)
      if (!what.includes('two')) {
        t.equal(refusalOf(schema(more), { x: { v: 1 }, y: { v: 1, next: {} } }), 'message/y/next must have required property \'v\'', what)
      }
      t.equal(eventOf(schema(more))({ x: { v: 1, next: { v: 2, z: 1 }, z: 1 } }), '{"type":"m","x":{"v":1,"next":{"v":2}}}', what)
    }
  }
})

t.test('a text that has an $id is checked like one that has none', async (t) => {
  for (const { name, Type } of builders) {
    t.same(verdictsOn((T) => T.String({ $id: 'Name', maxLength: 2 }), Type, 'ab'), ['taken'], name)
    t.same(
      verdictsOn((T) => T.String({ $id: 'Name', maxLength: 2 }), Type, 'abc'),
      ['message/x must NOT have more than 2 characters'],
      name
    )
  }
})

t.test('different schemas of one $id stop the boot, by name', async (t) => {
  const twins: ReadonlyArray<[one: object, other: object]> = [
    ...builders.map(({ Type }): [object, object] => [Type.String({ $id: 'Twin' }), Type.Number({ $id: 'Twin' })]),
    [Legacy.Unsafe({ $id: 'Twin', [Kind]: 'Array' }), Legacy.Unsafe({ $id: 'Twin', [Kind]: 'Any' })],
    [Current.Refine(Current.String({ $id: 'Twin' }), () => true), Current.Refine(Current.String({ $id: 'Twin' }), () => false)],
    [Current.String({ $id: 'Twin', pattern: /a/, maxLength: 1 }), Current.String({ $id: 'Twin', pattern: /b/, maxLength: 1 })],
    [{ $id: 'Twin', type: 'string' }, { $id: 'Twin', type: 'string', maxLength: 1 }],
    [{ $id: 'Twin', const: null }, { $id: 'Twin', const: {} }]
  ]
  for (const [one, other] of twins) {
    t.throws(() => decoderOf({ type: 'object', properties: { a: one, b: other } }), {
      code: 'FST_TYPED_WS_INVALID_SCHEMA',
      message: '$id \'Twin\' is that of two different schemas, at /properties/a and at /properties/b: give one of them another $id'
    })
  }
  t.equal(
    refusalOf(
      Current.Object({
        a: Current.String({ $id: 'One', pattern: /a/, maxLength: 1 }),
        b: Current.String({ $id: 'One', pattern: /a/, maxLength: 1 })
      }),
      { a: 'a', b: 'b' }
    ),
    'message/b must match pattern "a"'
  )
})

t.test('a type that cannot travel as JSON is found behind references too', async (t) => {
  const shared = {
    Day: { $id: 'Day', type: 'object', properties: { at: { type: 'Date' } } },
    Week: { $id: 'Week', type: 'object', properties: { day: { $ref: 'Day' } } }
  }
  for (const { name, Type } of builders) {
    t.throws(
      () => decoderOf(Type.Object({ week: Type.Ref('Week') }), { sharedSchemas: shared }),
      {
        code: 'FST_TYPED_WS_INVALID_SCHEMA',
        message: 'type \'Date\' at Day#/properties/at cannot travel as JSON: write Type.String({ format: \'date-time\' })'
      },
      name
    )
    t.throws(
      () => eventOf(Type.Object({ week: Type.Ref('Week') }), { sharedSchemas: shared }),
      { code: 'FST_TYPED_WS_INVALID_SCHEMA' },
      name
    )
  }
  const Moment = Legacy.Transform(Legacy.String()).Decode((text) => new Date(text)).Encode((date) => date.toISOString())
  const module = Legacy.Module({ Moment, Event: Legacy.Object({ at: Legacy.Ref('Moment') }) })
  t.throws(() => decoderOf(module.Import('Event')), {
    code: 'FST_TYPED_WS_INVALID_SCHEMA',
    message: 'a codec at /%24defs/Moment would not be run'
  })
  const current = Current.Module({
    Event: Current.Object({
      at: Current.Codec(Current.String()).Decode(Number).Encode(String),
      next: Current.Optional(Current.Ref('Event'))
    })
  })
  t.throws(() => decoderOf(current.Event), { code: 'FST_TYPED_WS_INVALID_SCHEMA', message: 'a codec' })
  t.throws(() => decoderOf({ type: 'object', properties: { a: { $dynamicRef: '#a' } } }), {
    code: 'FST_TYPED_WS_INVALID_SCHEMA',
    message: 'keyword \'$dynamicRef\' at /properties/a is not followed: write $ref'
  })
})

t.test('documents of JSON Schema 2020-12 are accepted', async (t) => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: {
      pair: { type: 'array', prefixItems: [{ type: 'string' }, { $ref: '#/$defs/count' }], items: false },
      list: { type: 'array', prefixItems: [{ type: 'string' }], items: { type: 'number' } },
      some: { type: 'array', contains: { const: 1 }, minContains: 2, maxContains: 3 },
      card: { type: 'string' },
      address: { type: 'string' }
    },
    dependentRequired: { card: ['address'] },
    dependentSchemas: { pair: { properties: { list: { maxItems: 2 } } } },
    allOf: [{ properties: { more: { type: 'null' } } }],
    unevaluatedProperties: false,
    $defs: { count: { type: 'integer' } }
  }
  const rows: ReadonlyArray<[payload: object, verdict: string | undefined]> = [
    [{ pair: ['a', 1], list: ['a', 2], some: [1, 1, 1], card: 'a', address: 'b', more: null }, undefined],
    [{ pair: ['a', 'b'] }, 'message/pair/1 must be integer'],
    [{ pair: ['a', 1, 2] }, 'message/pair must NOT have more than 2 items'],
    [{ list: ['a', 'b'] }, 'message/list/1 must be number'],
    [{ some: [1] }, 'message/some must contain at least 2 and no more than 3 valid item(s)'],
    [{ card: 'a' }, 'message must have property address when property card is present'],
    [{ pair: ['a', 1], list: ['a', 1, 2] }, 'message/list must NOT have more than 2 items'],
    [{ other: 1 }, 'message must NOT have unevaluated properties']
  ]
  for (const [payload, says] of rows) t.equal(refusalOf(schema, payload), says, JSON.stringify(payload))
})

t.test('a schema of another library is refused at boot wherever it stands', async (t) => {
  for (const [vendor, instead] of [
    ['zod', 'write z.toJSONSchema(schema)'],
    ['valibot', 'write toJsonSchema(schema) of @valibot/to-json-schema'],
    ['arktype', 'write schema.toJsonSchema()'],
    ['other', 'write its JSON Schema']
  ] as const) {
    const marked = Object.assign(vendor === 'arktype' ? () => {} : {}, {
      '~standard': { version: 1, vendor, validate: () => ({}) },
      def: {},
      type: 'object'
    })
    const says = `a schema of ${vendor} is no JSON Schema: ${instead}, or write it with TypeBox`
    for (const definition of [
      { m: marked },
      { m: { request: marked, reply: Legacy.Null() } },
      { m: { request: Legacy.Object({}), reply: marked } },
      { m: { request: Legacy.Object({}), stream: marked } }
    ]) {
      t.throws(
        () => compile({ name: 'test', clientToServer: definition }),
        { code: 'FST_TYPED_WS_INVALID_CONTRACT', message: says },
        vendor
      )
    }
    for (const { Type } of builders) {
      t.throws(
        () => decoderOf(Type.Object({ x: marked as never })),
        { code: 'FST_TYPED_WS_INVALID_SCHEMA', message: `${says} (at /properties/x)` },
        vendor
      )
    }
  }
})

t.test('a Date is written as the text its schema asks for, as over HTTP, and then checked', async (t) => {
  const at = new Date('2026-03-04T05:06:07.089Z')
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString()
  for (const { name, Type, of } of lines) {
    const stamp = (): TSchema => Type.Unsafe<Date>({ type: 'string', format: 'date-time' })
    const rows: ReadonlyArray<[what: string, schema: TSchema, value: unknown, written: unknown]> = [
      ['a date-time', stamp(), at, at.toISOString()],
      ['a date', Type.Unsafe<Date>({ type: 'string', format: 'date' }), at, local.slice(0, 10)],
      ['a list', Type.Array(stamp()), [at, '2026-01-01T00:00:00Z', at], [at.toISOString(), '2026-01-01T00:00:00Z', at.toISOString()]],
      ['a record', Type.Record(Type.String(), stamp()), { a: at }, { a: at.toISOString() }],
      ['a tuple', Type.Tuple([Type.Number(), stamp()]), [1, at], [1, at.toISOString()]],
      [
        'a plain tuple',
        Type.Unsafe<unknown>({ type: 'array', prefixItems: [{ type: 'number' }], items: { type: 'string', format: 'date-time' } }),
        [1, at],
        [1, at.toISOString()]
      ],
      [
        'more of a plain tuple',
        Type.Unsafe<unknown>({ type: 'array', items: [{ type: 'number' }], additionalItems: { type: 'string', format: 'date' } }),
        [1, at],
        [1, local.slice(0, 10)]
      ],
      ['one or nothing', Type.Array(Type.Union([stamp(), Type.Null()])), [at, null], [at.toISOString(), null]],
      ['one of two types', Type.Unsafe<unknown>({ type: ['string', 'null'], format: 'date-time' }), at, at.toISOString()],
      [
        'an intersection',
        Type.Intersect([Type.Object({ a: stamp() }), Type.Object({ b: Type.Number() })]),
        { a: at, b: 1 },
        { a: at.toISOString(), b: 1 }
      ],
      [
        'a dependency',
        Type.Unsafe<unknown>({
          type: 'object',
          properties: { a: {} },
          dependencies: { a: { properties: { at: { type: 'string', format: 'date-time' } } } }
        }),
        { a: 1, at },
        { a: 1, at: at.toISOString() }
      ],
      [
        'branches told apart',
        Type.Array(
          Type.Union([
            Type.Object({ kind: Type.Literal('day'), at: Type.Unsafe<Date>({ type: 'string', format: 'date' }) }),
            Type.Object({ kind: Type.Unsafe<string>({ type: 'string', enum: ['moment'] }), at: stamp() })
          ])
        ),
        [{ kind: 'moment', at }, { kind: 'day', at }],
        [{ kind: 'moment', at: at.toISOString() }, { kind: 'day', at: local.slice(0, 10) }]
      ],
      [
        'anything beside one',
        Type.Object({ at: stamp(), any: Type.Any(), bytes: Type.Any() }),
        { at, any: { at }, bytes: new Uint8Array(1) },
        { at: at.toISOString(), any: { at: at.toISOString() }, bytes: { 0: 0 } }
      ]
    ]
    for (const [what, schema, value, written] of rows) {
      for (const validateOutgoing of [true, false]) {
        t.same(
          JSON.parse(eventOf(of(Type.Object({ x: schema })), { validateOutgoing })({ x: value })),
          { type: 'm', x: written },
          `${name}: ${what}`
        )
        t.same(JSON.parse(replyOf(of(schema), { validateOutgoing })(value)), written, `${name}: ${what}, as a reply`)
      }
    }
    t.match(
      replyOf(of(Type.Unsafe<Date>({ type: 'string', format: 'time' })))(at),
      new RegExp(`^"${local.slice(11, 19)}(?:Z|[+-]\\d\\d:\\d\\d)"$`),
      `${name}: a time has its offset, without which it is no time of RFC 3339`
    )
    const ajv = { customOptions: { formats: { time: /^\d\d:\d\d:\d\d$/ } } }
    t.equal(
      replyOf(of(Type.Unsafe<Date>({ type: 'string', format: 'time' })), { ajv })(at),
      `"${local.slice(11, 19)}"`,
      `${name}: unless the app's own format wants none`
    )

    const shared = { Moment: { $id: 'Moment', type: 'string', format: 'date-time' } }
    t.equal(
      eventOf(of(Type.Object({ at: Type.Ref('Moment') })), { sharedSchemas: shared })({ at }),
      `{"type":"m","at":"${at.toISOString()}"}`,
      `${name}: behind a reference`
    )
    const value = { at, list: [at] }
    eventOf(of(Type.Object({ at: stamp(), list: Type.Array(stamp()) })))(value)
    t.strictSame(value, { at, list: [at] }, `${name}: the app's own object is not changed`)
    t.throws(
      () => eventOf(of(Type.Object({ x: Type.Unsafe<Date>({ type: 'string', format: 'date-time', maxLength: 3 }) })))({ x: at }),
      { code: 'FST_TYPED_WS_OUTGOING_INVALID', message: 'message/x must NOT have more than 3 characters' },
      `${name}: checked after it is written`
    )
    for (const [schema, wrong] of [
      [stamp(), new Date(Number.NaN)],
      [Type.Array(stamp()), at],
      [Type.Object({ a: stamp(), b: Type.String() }), { a: at, b: at }],
      [Type.Object({ a: stamp() }), { get a () { throw new Error('a getter of its own') } }]
    ] as const) {
      t.throws(() => eventOf(of(Type.Object({ x: schema })))({ x: wrong }), { code: 'FST_TYPED_WS_OUTGOING_INVALID' }, name)
    }
  }
  const Tree = Legacy.Recursive((This) => {
    return Legacy.Union([
      Legacy.Object({ at: Legacy.Unsafe<Date>({ type: 'string', format: 'date-time' }), kids: Legacy.Array(This) }),
      Legacy.Null()
    ])
  })
  t.equal(
    replyOf(Tree)({ at, kids: [{ at, kids: [null] }] }),
    `{"at":"${at.toISOString()}","kids":[{"at":"${at.toISOString()}","kids":[null]}]}`,
    'in a schema that refers to itself'
  )
})

t.test('a date is written also where a class declares it, or its neighbours, by getters', async (t) => {
  class Row {
    readonly #at = new Date('2026-03-04T05:06:07.089Z')
    readonly tags = ['a']
    get id (): number { return 1 }
    get at (): Date { return this.#at }
  }
  const text = '{"id":1,"at":"2026-03-04T05:06:07.089Z","tags":["a"]}'
  for (const { name, Type, of } of lines) {
    const row = Type.Object({
      id: Type.Number(), at: Type.Unsafe<Date>({ type: 'string', format: 'date-time' }), tags: Type.Array(Type.String())
    })
    t.equal(replyOf(of(row))(new Row()), text, name)
    const hidden = { id: { value: 1 }, at: { value: new Date('2026-03-04T05:06:07.089Z') }, tags: { value: ['a'] } }
    t.equal(replyOf(of(row))(Object.create(null, hidden)), text, name)
    t.equal(replyOf(of(Type.Array(row)))([new Row(), new Row()]), `[${text},${text}]`, name)
  }
})

t.test('a date behind references is written as the branch of its literals says, and once where two lead to one schema', async (t) => {
  const at = new Date('2026-03-04T12:06:07.089Z')
  const stampOf = (kind: string, format: string): object => {
    return { $id: kind, type: 'object', properties: { kind: { const: kind }, at: { type: 'string', format } }, required: ['kind', 'at'] }
  }
  const shared = { moment: stampOf('moment', 'date-time'), day: stampOf('day', 'date') }
  const reply = replyOf({ anyOf: [{ $ref: 'day' }, { $ref: 'moment' }] }, { sharedSchemas: shared })
  const twice = replyOf(
    { allOf: [{ $ref: 'moment' }, { $ref: 'moment' }, { type: 'object', required: ['at'] }] },
    { sharedSchemas: shared }
  )
  t.same(JSON.parse(reply({ kind: 'moment', at })), { kind: 'moment', at: at.toISOString() })
  t.match((JSON.parse(reply({ kind: 'day', at })) as { at: string }).at, /^2026-03-0[345]$/)
  t.same(JSON.parse(twice({ kind: 'moment', at })), { kind: 'moment', at: at.toISOString() })
})

t.test('a time has the offset of the process\'s time zone', async (t) => {
  const { TZ } = process.env
  t.teardown(() => { if (TZ === undefined) delete process.env['TZ']; else process.env['TZ'] = TZ })
  const time = replyOf({ type: 'string', format: 'time' })
  for (const [zone, text] of [['UTC', '05:06:07Z'], ['Asia/Kolkata', '10:36:07+05:30'], ['America/New_York', '00:06:07-05:00']] as const) {
    process.env['TZ'] = zone
    t.equal(time(new Date('2026-03-04T05:06:07Z')), `"${text}"`, zone)
  }
})

t.test('a rejection by a schema that only TypeBox can compile has no explanation', async (t) => {
  t.equal(refusalOf(Current.Object({ x: Current.Enum([]) }), { x: 'a' }), 'message is invalid')
})

/** A schema, and values that are near it. */
interface Shape {
  readonly build: (T: Builder) => TSchema
  readonly values: fc.Arbitrary<unknown>
}

const texts = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '😀', 'é', '\u0301', '\ud800', '-', '@', '.'), maxLength: 6 }),
  fc.constantFrom('a@b.de', '2026-01-01', '2026-01-01T00:00:00Z', '#room')
)
const numbers = fc.oneof(fc.integer({ min: -3, max: 12 }), fc.constantFrom(0.1, 0.3, 0.35, 2.5, -0, 1e21))
const annotations = fc.record(
  {
    title: fc.constant('a'),
    default: fc.constantFrom<unknown>(1, 'a', null),
    'x-note': fc.constant({ minLength: 9 }),
    description: fc.constant('b')
  },
  { requiredKeys: [] }
)
const limit = fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined })

function withKeywords (
  keywords: fc.Arbitrary<object>,
  values: fc.Arbitrary<unknown>,
  build: (T: Builder, options: object) => TSchema
): fc.Arbitrary<Shape> {
  return fc.tuple(keywords, annotations).map(([own, more]) => ({ values, build: (T) => build(T, { ...own, ...more }) }))
}

const { shape: shapes } = fc.letrec<{ shape: Shape }>((tie) => ({
  shape: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    withKeywords(
      fc.record(
        {
          minLength: limit,
          maxLength: limit,
          pattern: fc.constantFrom('^a', '^.$', '^\\-', 'b$'),
          format: fc.constantFrom('email', 'date', 'date-time', 'room')
        },
        { requiredKeys: [] }
      ),
      texts,
      (T, options) => T.String(options)
    ),
    withKeywords(
      fc.record({ minimum: limit, exclusiveMaximum: limit, multipleOf: fc.constantFrom(1, 2, 0.1, 0.5) }, { requiredKeys: [] }),
      numbers,
      (T, options) => T.Number(options)
    ),
    withKeywords(fc.record({ maximum: limit }, { requiredKeys: [] }), numbers, (T, options) => T.Integer(options)),
    withKeywords(fc.constant({}), fc.boolean(), (T, options) => T.Boolean(options)),
    withKeywords(fc.constant({}), numbers, () => Legacy.Unsafe<number>({ [Kind]: 'Even' })),
    fc.constantFrom<unknown>('a', 1, true).map((value) => ({ build: (T: Builder) => T.Literal(value as 'a'), values: fc.constant(value) })),
    fc.tuple(tie('shape'), fc.record({ minItems: limit, maxItems: limit, uniqueItems: fc.boolean() }, { requiredKeys: [] })).map(
      ([{ build, values }, options]) => ({
        build: (T: Builder) => T.Array(build(T), options as never),
        values: fc.array(values, { maxLength: 4 })
      })
    ),
    fc.tuple(tie('shape'), tie('shape')).map(([one, two]) => {
      return { build: (T: Builder) => T.Tuple([one.build(T), two.build(T)]), values: fc.tuple(one.values, two.values) }
    }),
    fc.array(tie('shape'), { minLength: 1, maxLength: 3 }).map((branches) => {
      return {
        build: (T: Builder) => T.Union(branches.map(({ build }) => build(T))),
        values: fc.oneof(...branches.map(({ values }) => values))
      }
    }),
    tie('shape').map(({ build, values }) => {
      return {
        build: (T: Builder) => T.Record(T.String(), build(T)),
        values: fc.dictionary(fc.constantFrom('a', 'b\n', '😀'), values, { noNullPrototype: true })
      }
    }),
    fc.tuple(
      tie('shape'),
      tie('shape'),
      fc.constantFrom({}, { additionalProperties: false }, { minProperties: 2 })
    ).map(([one, two, options]) => ({
      build: (T: Builder) => T.Object({ a: one.build(T), b: T.Optional(two.build(T)) }, options),
      values: fc.record({ a: one.values, b: two.values, c: fc.constant(1) }, { requiredKeys: [], noNullPrototype: true })
    })),
    fc.tuple(tie('shape'), tie('shape'), fc.constantFrom({}, { unevaluatedProperties: false })).map(([one, two, options]) => ({
      build: (T: Builder) => T.Intersect([T.Object({ a: one.build(T) }), T.Object({ b: T.Optional(two.build(T)) })], options),
      values: fc.record({ a: one.values, b: two.values, c: fc.constant(1) }, { requiredKeys: [], noNullPrototype: true })
    })),
    tie('shape').map(({ build, values }) => ({ build: (T: Builder) => T.Not(build(T)), values }))
  )
}))

for (const { name, Type } of builders.map((builder, n) => {
  return n === 0 ? builder : { ...builder, Type: Object.assign({}, builder.Type, { Not: (not: object) => Current.Unsafe({ not }) }) }
})) {
  t.test(`${name}: both validators accept and reject the same values, whatever the schema`, async (t) => {
    TypeRegistry.Set('Even', (_, n) => typeof n === 'number' && n % 2 === 0)
    FormatRegistry.Set('room', (text) => text.startsWith('#'))
    t.teardown(() => { TypeRegistry.Delete('Even'); FormatRegistry.Delete('room') })
    const counts = { taken: 0, refused: 0 }
    fc.assert(fc.property(shapes.chain(({ build, values }) => {
      return fc.tuple(
        fc.constant(build),
        fc.array(
          fc.oneof({ arbitrary: values, weight: 4 }, { arbitrary: fc.jsonValue({ maxDepth: 1 }), weight: 1 }),
          { minLength: 1, maxLength: 6 }
        )
      )
    }), ([build, values]) => {
      const payload = (more: object): { check: (value: unknown) => boolean } => {
        return compile({ name: 'x', clientToServer: { m: Type.Object({ x: build(Type), ...more }) } }).incoming.get('m')!.payload
      }
      const alone = payload({})
      const beside = payload({ k: Type.Optional(Type.String({ format: 'date', formatMinimum: '2020-01-01' })) })
      return values.every((x) => {
        const isTaken = alone.check({ x })
        counts[isTaken ? 'taken' : 'refused']++
        return isTaken === beside.check({ x })
      })
    }), { numRuns: 150 })
    t.ok(counts.taken > 50 && counts.refused > 50, `${counts.taken} taken, ${counts.refused} refused`)
  })
}

t.test('a schema without TypeBox means the same as one with it', async (t) => {
  for (const { Type } of builders) {
    for (const value of ['😀😀', 'ab', 'abc', 5]) {
      t.same(verdictsOn((T) => T.String({ maxLength: 2 }), Type, value), [
        refusalOf(plain(Type.Object({ x: Type.String({ maxLength: 2 }) })), { x: value }) ?? 'taken'
      ])
    }
  }
})
