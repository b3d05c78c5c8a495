import { KIND, REFINE } from './equality.js'
import { IN_PLACE, NAMED_PROPERTIES, OTHER_MEMBERS } from './keywords.js'
import { References } from './references.js'
import { isObjectSubschema, rewriteSchemas, Subschema } from './subschema.js'

/**
 * Schemas that lead back to themselves by two ways at once, like a union whose branches both hold
 * the union again. Their compilers check a value once for each way: twice as often on each level.
 * Here each such reference remembers its verdict on a value until the message is checked, so a
 * message takes linear time.
 */

type Check = (value: unknown) => boolean

/** A schema, with the schemas that it leads to. */
interface Node {
  readonly part: Subschema
  /** Schemas that hold for the same value. */
  readonly inPlace: readonly Subschema[]
  /** Schemas that hold for members of the value. */
  readonly steps: readonly Step[]
}

interface Step {
  readonly child: Subschema
  readonly keyword: string
  readonly kind: 'item' | 'property'
  /** The name of the only member that it leads to. */
  readonly name: string | undefined
}

const STEPS = [...NAMED_PROPERTIES, ...OTHER_MEMBERS, 'prefixItems', 'contains']

/** A document whose references within a doubling circle remember their verdicts. */
export interface Unwound {
  readonly references: References
  /** The copy of a part, in which no reference of a circle is left. */
  readonly copyOf: (part: Subschema) => Subschema
  /** The targets of the references that remember. */
  readonly targets: readonly Subschema[]
  readonly memory: Memory
}

/** The verdicts on the values of one message. */
export class Memory {
  readonly #verdicts = new Map<string, Map<unknown, boolean>>()
  readonly #checks = new Map<string, Check>()

  set (target: Subschema, check: Check): void {
    this.#checks.set(target.uri, check)
    this.#verdicts.set(target.uri, new Map())
  }

  check (uri: string, value: unknown): boolean {
    const check = this.#checks.get(uri)!
    if (typeof value !== 'object' || value === null) return check(value)
    const verdicts = this.#verdicts.get(uri)!
    const verdict = verdicts.get(value) ?? check(value)
    verdicts.set(value, verdict)
    return verdict
  }

  /** Forgets everything when the work is done. */
  during<T> (work: () => T): T {
    try {
      return work()
    } finally {
      for (const verdicts of this.#verdicts.values()) verdicts.clear()
    }
  }
}

/**
 * A copy of a message's schema that is checked in linear time, or `undefined` when the schema
 * itself is.
 * @throws when there can be none.
 */
export function unwind (references: References): Unwound | undefined {
  const nodes = nodesOf(references)
  const circles = circlesOf(nodes)
  const circleOf = ({ uri }: Subschema): number => circles.get(uri)!
  const doubling = new Set([...nodes.values()].filter((node) => isDoubling(node, nodes, circles)).map(({ part }) => circleOf(part)))
  if (doubling.size === 0) return undefined
  const members = [...nodes.values()].map(({ part }) => part).filter((part) => doubling.has(circleOf(part)))
  refuseUnevaluated(members)
  const cut = new Map(members.flatMap((part) => {
    const targets = references.targetsOf(part).filter((target) => circleOf(target) === circleOf(part))
    return targets.map((target) => [part.uri, target] as const)
  }))
  return copy(references, cut)
}

function refuseUnevaluated (members: readonly Subschema[]): void {
  const keyword = ['unevaluatedProperties', 'unevaluatedItems'].find((name) => members.some((part) => part.get(name) !== undefined))
  if (keyword === undefined) return
  throw new Error(`its '${keyword}' stands in a recursion whose branches nothing tells apart, which takes twice as long on each ` +
    'level: write \'additionalProperties\', or leave it out')
}

/** Every schema that a message can meet, by its place. */
function nodesOf (references: References): Map<string, Node> {
  const nodes = new Map<string, Node>()
  const waiting = [references.root]
  for (const part of waiting) {
    if (nodes.has(part.uri)) continue
    const held = IN_PLACE.flatMap((keyword) => part.subschemas(keyword))
    const inPlace = [...held, ...references.targetsOf(part)].filter(isObjectSubschema)
    const steps = STEPS.flatMap((keyword) => stepsOf(part, keyword)).filter(({ child }) => isObjectSubschema(child))
    nodes.set(part.uri, { part, inPlace, steps })
    waiting.push(...inPlace, ...steps.map(({ child }) => child))
  }
  return nodes
}

function stepsOf (part: Subschema, keyword: string): Step[] {
  const kind = keyword.endsWith('roperties') ? 'property' : 'item'
  const isNamed = keyword === 'properties' || Array.isArray(part.get(keyword))
  return part.subschemas(keyword).map((child) => {
    return { child, keyword, kind, name: isNamed ? child.uri.slice(child.uri.lastIndexOf('/')) : undefined }
  })
}

/**
 * The circle of each schema (Tarjan's strongly connected components): schemas of one circle have
 * one number.
 */
function circlesOf (nodes: ReadonlyMap<string, Node>): Map<string, number> {
  const circles = new Map<string, number>()
  const order = new Map<string, number>()
  const path: string[] = []
  const visit = (uri: string): number => {
    const number = order.size
    order.set(uri, number)
    path.push(uri)
    let lowest = number
    for (const next of nextOf(nodes.get(uri)!)) {
      if (!circles.has(next)) lowest = Math.min(lowest, order.get(next) ?? visit(next))
    }
    if (lowest === number) for (const member of path.splice(path.indexOf(uri))) circles.set(member, number)
    return lowest
  }
  for (const uri of nodes.keys()) if (!order.has(uri)) visit(uri)
  return circles
}

function nextOf ({ inPlace, steps }: Node): string[] {
  return [...inPlace, ...steps.map(({ child }) => child)].map(({ uri }) => uri)
}

/** Tells whether two schemas of this schema's circle can both meet one member of a value. */
function isDoubling ({ part }: Node, nodes: ReadonlyMap<string, Node>, circles: ReadonlyMap<string, number>): boolean {
  const circle = circles.get(part.uri)
  const steps: Array<Step & { from: string }> = []
  const times = new Map<string, number>()
  const collect = ({ uri }: Subschema): void => {
    const count = times.get(uri) ?? 0
    if (count === 2) return
    times.set(uri, count + 1)
    const { inPlace, steps: own } = nodes.get(uri)!
    steps.push(...own.filter(({ child }) => circles.get(child.uri) === circle).map((step) => ({ ...step, from: `${uri} ${count}` })))
    inPlace.forEach(collect)
  }
  collect(part)
  return steps.some((one, n) => steps.slice(n + 1).some((other) => canMeet(one, other)))
}

function canMeet (one: Step & { from: string }, other: Step & { from: string }): boolean {
  if (one.kind !== other.kind) return false
  if (one.name !== undefined && other.name !== undefined) return one.name === other.name
  const keywords = [one.keyword, other.keyword]
  const isApart = !keywords.includes('contains') && keywords.some((keyword) => OTHER_MEMBERS.includes(keyword))
  return one.from !== other.from || !isApart
}

function copy (references: References, cut: ReadonlyMap<string, Subschema>): Unwound {
  const memory = new Memory()
  const copies = new Map<string, unknown>()
  const copyDocument = (document: Subschema): unknown => rewriteSchemas(document, (schema, part) => {
    const target = cut.get(part.uri)
    const made = target === undefined ? schema : remembering(schema, (value) => memory.check(target.uri, value))
    copies.set(part.uri, made)
    return made
  })
  const shared = [...references.documents()].filter(([, document]) => document !== references.root)
  const sharedSchemas = Object.fromEntries(shared.map(([name, document]) => [name, copyDocument(document)]))
  return {
    references: new References(copyDocument(references.root), sharedSchemas),
    copyOf: (part) => new Subschema(copies.get(part.uri), part.uri),
    targets: [...new Map([...cut.values()].map((target) => [target.uri, target])).values()],
    memory
  }
}

// A reference becomes a refinement of anything, which each compiler is taught to run.
function remembering ({ $ref: _target, ...schema }: Record<PropertyKey, unknown>, check: Check): object {
  if (KIND in schema) schema[KIND] = 'Unknown'
  return Object.defineProperty(schema, REFINE, { value: [{ check, error: () => 'must be valid' }], enumerable: true })
}
