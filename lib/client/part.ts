import type { ClientOptions, ClientPart, Fresh } from '../../types/client.js'
import type { TypedClient } from './client.js'
import { invalidOption } from './errors.js'

/**
 * A part of a client, which throws where another option was given it.
 *
 * @param maker - the name of the function that makes it.
 */
export function partOf<Option extends 'recover' | 'presence' | 'binary'> (
  option: Option, maker: string, extend: (Base: typeof TypedClient) => typeof TypedClient
): ClientPart<Option> {
  const part = (Base: typeof TypedClient): typeof TypedClient => class extends extend(Base) {
    constructor (url: Fresh<string | URL>, options: ClientOptions) {
      if (options[option] as unknown !== part) throw invalidOption(`${maker}() is for the option ${option}`)
      super(url, options)
    }
  }
  return Object.assign(part, { option }) as unknown as ClientPart<Option>
}
