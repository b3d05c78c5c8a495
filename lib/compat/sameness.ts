import { holdsNamedSchemas, holdsSchema } from '../schema/keywords.js'
import type { References } from '../schema/references.js'
import { isObjectSubschema, type Subschema } from '../schema/subschema.js'
import type { Walk } from './difference.js'
import { textOf } from './values.js'

/** The keywords that say nothing about a value. */
export const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$anchor', '$comment', '$defs', '$id', '$schema', '$vocabulary', 'contentEncoding', 'contentMediaType', 'contentSchema',
  'default', 'definitions', 'deprecated', 'description', 'discriminator', 'example', 'examples', 'externalDocs', 'readOnly',
  'title', 'writeOnly', 'xml'
])

/** Tells whether a keyword is for readers. */
export function isAnnotation (keyword: string): boolean {
  return ANNOTATIONS.has(keyword) || keyword.startsWith('x-') || keyword.startsWith('~')
}

/** Tells whether two schemas have the same in some keywords, wherever their references lead. */
export function isSame (said: Subschema, taken: Subschema, keywords: readonly string[], { said: from, taken: to }: Walk): boolean {
  const comparison = new Comparison(from, to)
  return keywords.every((keyword) => comparison.sameKeyword(said, taken, keyword))
}

class Comparison {
  readonly #said: References
  readonly #taken: References
  readonly #seen = new Set<string>()

  constructor (said: References, taken: References) {
    this.#said = said
    this.#taken = taken
  }

  sameKeyword (said: Subschema, taken: Subschema, keyword: string): boolean {
    const values = [said.get(keyword), taken.get(keyword)]
    if (keyword === '$ref') return this.#sameTargets(said, taken)
    if (!values.every((value) => typeof value === 'object' && value !== null) || !(holdsSchema(keyword) || holdsNamedSchemas(keyword))) {
      return textOf(values[0]) === textOf(values[1])
    }
    if (holdsSchema(keyword) && !values.some(Array.isArray)) return this.#sameSchema(said.child(keyword)!, taken.child(keyword)!)
    return this.#sameMembers(said.child(keyword)!, taken.child(keyword)!)
  }

  #sameMembers (said: Subschema, taken: Subschema): boolean {
    const [names, others] = [said, taken].map(({ schema }) => Object.keys(schema as object))
    return names!.length === others!.length && Array.isArray(said.schema) === Array.isArray(taken.schema) && names!.every((name) => {
      const [one, other] = [said.child(name), taken.child(name)]
      return one !== undefined && other !== undefined && this.#sameSchema(one, other)
    })
  }

  #sameSchema (said: Subschema, taken: Subschema): boolean {
    const key = `${said.uri} ${taken.uri}`
    if (this.#seen.has(key)) return true
    this.#seen.add(key)
    if (!isObjectSubschema(said) || !isObjectSubschema(taken)) return textOf(said.schema) === textOf(taken.schema)
    const keywords = new Set([said, taken].flatMap(({ schema }) => Object.keys(schema)).filter((keyword) => !isAnnotation(keyword)))
    return [...keywords].every((keyword) => this.sameKeyword(said, taken, keyword))
  }

  #sameTargets (said: Subschema, taken: Subschema): boolean {
    const [one, other] = [this.#said.find(said), this.#taken.find(taken)]
    if (one === undefined || other === undefined) return one === other && said.get('$ref') === taken.get('$ref')
    return this.#sameSchema(one, other)
  }
}
