/** The address of a channel (AsyncAPI), and its parameters in order. */
export interface Address {
  readonly address: string
  readonly parameters: readonly AddressParameter[]
}

export interface AddressParameter {
  /** Its name in the document. */
  readonly name: string
  /** Its name in the route. */
  readonly key: string
  readonly isOptional: boolean
}

// In the order of find-my-way: '::' is a colon; a parameter ends at '/', '-', '.', or the
// parenthesis of its expression.
const PART = /(::)|:([^/\-.(?]+)(\((?:[^()]|\([^()]*\))*\))?(\?)?|(\*)|([{}])/g

/** Writes a path of Fastify as an address: `/chat/:room` as `/chat/{room}`. */
export function addressOf (path: string): Address {
  const parameters: AddressParameter[] = []
  const address = path.replaceAll(PART, (part, colon?: string, key?: string, _regex?: string, optional?: string, wildcard?: string) => {
    if (colon !== undefined) return ':'
    if (key === undefined && wildcard === undefined) return encodeURIComponent(part)
    const name = key === undefined ? 'wildcard' : key.replaceAll(/[^\w-]/g, '_')
    parameters.push({ name, key: key ?? '*', isOptional: optional !== undefined })
    return `{${name}}`
  })
  return { address, parameters }
}
