// Documents of contracts, for tests.
import { asyncapi, type AsyncApiDocument, type AsyncApiOptions } from '../../lib/asyncapi/index.js'
import type { AnyContract } from '../../lib/contract.js'
import { createApp, type Teardown } from '../support/helper.js'

export const info = { title: 'Test', version: '1.0.0' }

export interface Loose { readonly [key: string]: Loose & string }

/** A document without its types. */
export function loose (document: AsyncApiDocument): Loose {
  return document as unknown as Loose
}

/** A route that handles all of a contract's messages. */
export function routeFor (contract: AnyContract, schema?: object): never {
  const on = Object.fromEntries(Object.keys(contract.clientToServer).map((name) => [name, () => {}]))
  const binary = contract.binary.clientToServer ? { binary () {} } : {}
  return { contract, on, ...binary, ...(schema && { schema }) } as never
}

/** The document of one contract. */
export async function documentOf (
  t: Teardown, contract: AnyContract, options: Partial<AsyncApiOptions> = {}, schemas: object[] = []
): Promise<Loose> {
  const app = await createApp(t)
  await app.register(asyncapi, { info, ...options })
  for (const schema of schemas) app.addSchema(schema)
  app.ws('/', routeFor(contract))
  await app.ready()
  return loose(app.asyncapi())
}
